package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// CodeState is what is counted of an account's SMS codes over all its sessions.
// Times are kept in seconds.
type CodeState struct {
	Wrong       uint8      // wrong codes in a row
	ClosedUntil time.Time  // no code is taken before; zero: open
	Day         time.Time  // the day that Numbers are of
	Numbers     [][16]byte // secret.Keys.NumberTag of the new numbers named that day
}

// maxNewNumbers bounds CodeState.Numbers.
const maxNewNumbers = 64

// codeStateRecord is CodeState on disk.
type codeStateRecord struct {
	Wrong       uint8  `cbor:"1,keyasint,omitempty"`
	ClosedUntil int64  `cbor:"2,keyasint,omitempty"`
	Day         int64  `cbor:"3,keyasint,omitempty"`
	Numbers     []byte `cbor:"4,keyasint,omitempty"` // 16 bytes each
}

func (s *Store) decodeCodeState(payload []byte) (CodeState, error) {
	r, err := decode[codeStateRecord](s, payload)
	if err != nil {
		return CodeState{}, err
	}
	x := CodeState{Wrong: r.Wrong, ClosedUntil: fromSeconds(r.ClosedUntil), Day: fromSeconds(r.Day)}
	for ; len(r.Numbers) >= 16; r.Numbers = r.Numbers[16:] {
		x.Numbers = append(x.Numbers, [16]byte(r.Numbers))
	}
	if len(r.Numbers) > 0 {
		return CodeState{}, fmt.Errorf("%w: state of codes", ErrDamaged)
	}
	return x, nil
}

func (x *CodeState) isZero() bool {
	return x.Wrong == 0 && x.ClosedUntil.IsZero() && x.Day.IsZero() && len(x.Numbers) == 0
}

// CodeState returns what is counted of the account's codes; the zero value if
// nothing is.
func (r *Reader) CodeState(acct AccountID) (CodeState, error) {
	payload, err := r.payload(belowKey(acct, belowCodeState, ""), kv.ErrNotFound)
	if errors.Is(err, kv.ErrNotFound) {
		return CodeState{}, nil
	} else if err != nil {
		return CodeState{}, err
	}
	return r.s.decodeCodeState(payload)
}

// PutCodeState writes what is counted of the account's codes; the zero value
// removes the record.
func (w *Writer) PutCodeState(acct AccountID, x CodeState) error {
	switch {
	case acct.IsZero():
		return fmt.Errorf("%w: state of codes without account", ErrInvalidRecord)
	case len(x.Numbers) > maxNewNumbers:
		return fmt.Errorf("%w: more than %d new numbers", ErrInvalidRecord, maxNewNumbers)
	case x.isZero():
		return w.kv.Delete(belowKey(acct, belowCodeState, ""))
	}
	r := codeStateRecord{Wrong: x.Wrong, ClosedUntil: seconds(x.ClosedUntil), Day: seconds(x.Day)}
	for _, tag := range x.Numbers {
		r.Numbers = append(r.Numbers, tag[:]...)
	}
	return putCold(w, belowKey(acct, belowCodeState, ""), r)
}
