package store

import (
	"fmt"
	"time"
)

// ExpectedPhone is the only number that may be bound to an account: named by an
// administrator, so that who stole a main password cannot bind a phone first.
// The number is sealed at rest and shown masked: MaskNumber.
type ExpectedPhone struct {
	Number string    // E.164
	Made   time.Time // in seconds
	By     Actor
}

// String masks the number.
func (p ExpectedPhone) String() string { return MaskNumber(p.Number) }

// GoString masks the number.
func (p ExpectedPhone) GoString() string { return p.String() }

// MarshalText masks the number, in JSON and in logs.
func (p ExpectedPhone) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// expectedPhoneRecord is ExpectedPhone on disk, before it is sealed.
type expectedPhoneRecord struct {
	Number string `cbor:"1,keyasint"`
	Made   int64  `cbor:"2,keyasint"`
	By     string `cbor:"3,keyasint,omitempty"`
}

func (s *Store) openExpectedPhone(key, sealed []byte) (ExpectedPhone, error) {
	r, err := openSealed[expectedPhoneRecord](s, key, sealed)
	return ExpectedPhone{Number: r.Number, Made: fromSeconds(r.Made), By: Actor(r.By)}, err
}

// ExpectedPhone returns the only number that may be bound to the account, or
// ErrNoExpectedPhone.
func (r *Reader) ExpectedPhone(acct AccountID) (ExpectedPhone, error) {
	key := belowKey(acct, belowExpectedPhone, "")
	sealed, err := r.payload(key, ErrNoExpectedPhone)
	if err != nil {
		return ExpectedPhone{}, err
	}
	return r.s.openExpectedPhone(key, sealed)
}

// PutExpectedPhone writes the only number that may be bound to the account,
// sealed.
func (w *Writer) PutExpectedPhone(acct AccountID, p ExpectedPhone) error {
	if acct.IsZero() || p.Number == "" {
		return fmt.Errorf("%w: expected phone without account or number", ErrInvalidRecord)
	}
	if err := checkTexts("expected phone", p.Number, string(p.By)); err != nil {
		return err
	}
	return putSealed(w, belowKey(acct, belowExpectedPhone, ""),
		expectedPhoneRecord{Number: p.Number, Made: seconds(p.Made), By: string(p.By)})
}

// DeleteExpectedPhone lets any number be bound to the account again.
func (w *Writer) DeleteExpectedPhone(acct AccountID) error {
	return w.kv.Delete(belowKey(acct, belowExpectedPhone, ""))
}
