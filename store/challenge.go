package store

import (
	"errors"
	"fmt"
	"time"
)

// Purpose is what a code is asked for. A code of one purpose opens no other.
type Purpose uint8

// The purposes. Their values are on disk.
const (
	PurposeSignIn  Purpose = 1
	PurposeBind    Purpose = 2
	PurposeChange  Purpose = 3 // to the new number
	PurposeConfirm Purpose = 4 // the second step, asked again
)

// String returns "sign-in", "bind", "change" or "confirm".
func (p Purpose) String() string {
	switch p {
	case PurposeSignIn:
		return "sign-in"
	case PurposeBind:
		return "bind"
	case PurposeChange:
		return "change"
	case PurposeConfirm:
		return "confirm"
	}
	return fmt.Sprintf("purpose-%d", uint8(p))
}

// Challenge is a code that a session awaits. The code itself is derived from the
// ID (secret.Keys.Code) and kept nowhere. The record is sealed at rest. Times
// are kept in seconds.
type Challenge struct {
	ID       ChallengeID
	Account  AccountID
	Session  SessionID
	Purpose  Purpose
	Number   string // E.164, where the code went
	First    time.Time
	Last     time.Time // of the sendings
	Sendings uint8
	Tries    uint8 // wrong codes
}

// String names the purpose and masks the number.
func (c Challenge) String() string { return c.Purpose.String() + " " + MaskNumber(c.Number) }

// GoString is String: %#v must not walk the fields.
func (c Challenge) GoString() string { return c.String() }

// MarshalText is String, in JSON and in logs.
func (c Challenge) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// challengeRecord is Challenge on disk, before it is sealed.
type challengeRecord struct {
	ID       []byte `cbor:"1,keyasint"`
	Number   string `cbor:"2,keyasint"`
	First    int64  `cbor:"3,keyasint"`
	Last     int64  `cbor:"4,keyasint"`
	Sendings uint8  `cbor:"5,keyasint,omitempty"`
	Tries    uint8  `cbor:"6,keyasint,omitempty"`
}

func (s *Store) openChallenge(key, sealed []byte) (Challenge, error) {
	r, err := openSealed[challengeRecord](s, key, sealed)
	if err != nil {
		return Challenge{}, err
	}
	c := Challenge{Number: r.Number, First: fromSeconds(r.First), Last: fromSeconds(r.Last),
		Sendings: r.Sendings, Tries: r.Tries}
	rest := key[len(belowKey(AccountID{}, belowChallenge, "")):]
	err = errors.Join(fill(c.ID[:], r.ID), fill(c.Account[:], key[1:1+len(c.Account)]),
		fill(c.Session[:], rest[:len(rest)-1]))
	c.Purpose = Purpose(rest[len(rest)-1])
	if err == nil {
		err = damagedIf(c.check())
	}
	return c, err
}

// check returns ErrInvalidRecord for a challenge that must not be written.
func (c *Challenge) check() error {
	switch {
	case c.ID.IsZero() || c.Account.IsZero() || c.Session.IsZero() || c.Number == "":
		return fmt.Errorf("%w: challenge without id, account, session or number", ErrInvalidRecord)
	case c.Purpose < PurposeSignIn || c.Purpose > PurposeConfirm:
		return fmt.Errorf("%w: challenge without purpose", ErrInvalidRecord)
	}
	return checkTexts("challenge's number", c.Number)
}

func challengeKey(acct AccountID, session SessionID, purpose Purpose) []byte {
	return append(belowKey(acct, belowChallenge, string(session[:])), byte(purpose))
}

// Challenge returns what the session awaits for the purpose, or ErrNoChallenge.
func (r *Reader) Challenge(acct AccountID, session SessionID, purpose Purpose) (Challenge, error) {
	key := challengeKey(acct, session, purpose)
	sealed, err := r.payload(key, ErrNoChallenge)
	if err != nil {
		return Challenge{}, err
	}
	return r.s.openChallenge(key, sealed)
}

// PutChallenge writes a challenge, sealed, in the place of the one that the
// session had for the purpose.
func (w *Writer) PutChallenge(c Challenge) error {
	if err := c.check(); err != nil {
		return err
	}
	return putSealed(w, challengeKey(c.Account, c.Session, c.Purpose), challengeRecord{ID: c.ID[:],
		Number: c.Number, First: seconds(c.First), Last: seconds(c.Last), Sendings: c.Sendings, Tries: c.Tries})
}

// DeleteChallenge removes what the session awaits for the purpose, if anything.
func (w *Writer) DeleteChallenge(acct AccountID, session SessionID, purpose Purpose) error {
	return w.kv.Delete(challengeKey(acct, session, purpose))
}

// EndChallenges removes all challenges of the account, damaged ones too, and
// returns how many there were.
func (w *Writer) EndChallenges(acct AccountID) (int, error) {
	keys, err := w.keysBelow(acct, belowChallenge, "")
	if err != nil {
		return 0, err
	}
	return len(keys), w.deleteKeys(keys)
}
