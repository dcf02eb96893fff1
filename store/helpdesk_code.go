package store

import (
	"fmt"
	"time"
)

// HelpdeskCode is the one-time code that the helpdesk made for an account. Times
// are kept in seconds.
type HelpdeskCode struct {
	Tag   [16]byte // secret.Keys.HelpdeskTag
	Made  time.Time
	Until time.Time
	Tries uint8 // wrong ones
	By    Actor
}

// helpdeskCodeRecord is HelpdeskCode on disk.
type helpdeskCodeRecord struct {
	Tag   []byte `cbor:"1,keyasint"`
	Made  int64  `cbor:"2,keyasint"`
	Until int64  `cbor:"3,keyasint"`
	Tries uint8  `cbor:"4,keyasint,omitempty"`
	By    string `cbor:"5,keyasint,omitempty"`
}

func (s *Store) decodeHelpdeskCode(payload []byte) (HelpdeskCode, error) {
	r, err := decode[helpdeskCodeRecord](s, payload)
	if err != nil {
		return HelpdeskCode{}, err
	}
	x := HelpdeskCode{Made: fromSeconds(r.Made), Until: fromSeconds(r.Until), Tries: r.Tries, By: Actor(r.By)}
	return x, fill(x.Tag[:], r.Tag)
}

// HelpdeskCode returns the account's helpdesk code, or ErrNoHelpdeskCode. One
// whose time is over stays until it is deleted.
func (r *Reader) HelpdeskCode(acct AccountID) (HelpdeskCode, error) {
	payload, err := r.payload(belowKey(acct, belowHelpdeskCode, ""), ErrNoHelpdeskCode)
	if err != nil {
		return HelpdeskCode{}, err
	}
	return r.s.decodeHelpdeskCode(payload)
}

// PutHelpdeskCode writes the account's helpdesk code in the place of an earlier
// one.
func (w *Writer) PutHelpdeskCode(acct AccountID, x HelpdeskCode) error {
	if acct.IsZero() || x.Tag == [16]byte{} || x.Until.IsZero() {
		return fmt.Errorf("%w: helpdesk code without account, tag or end", ErrInvalidRecord)
	}
	if err := checkTexts("helpdesk code", string(x.By)); err != nil {
		return err
	}
	return putCold(w, belowKey(acct, belowHelpdeskCode, ""), helpdeskCodeRecord{Tag: x.Tag[:],
		Made: seconds(x.Made), Until: seconds(x.Until), Tries: x.Tries, By: string(x.By)})
}

// DeleteHelpdeskCode removes the account's helpdesk code, if there is one.
func (w *Writer) DeleteHelpdeskCode(acct AccountID) error {
	return w.kv.Delete(belowKey(acct, belowHelpdeskCode, ""))
}
