package store

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Stage says how far a session of the portal has come.
type Stage uint8

// The stages. Their values are on disk. What a session may do follows from its
// stage; a session of no stage is never written.
const (
	StageCode   Stage = 1 // the main password was right, the SMS code is awaited
	StageRebind Stage = 2 // a recovery or helpdesk code was given: it may bind a new number, and nothing else
	StageIn     Stage = 3
)

// String returns "code", "rebind" or "in".
func (s Stage) String() string {
	switch s {
	case StageCode:
		return "code"
	case StageRebind:
		return "rebind"
	case StageIn:
		return "in"
	}
	return fmt.Sprintf("stage-%d", uint8(s))
}

// Session is one browser's session at the portal. Times are kept in seconds.
type Session struct {
	ID       SessionID
	Account  AccountID
	Address  string   // the account's, to find its record by
	Tag      [16]byte // secret.Keys.SessionTag of the cookie in force
	Stage    Stage
	Made     time.Time
	Seen     time.Time // last use, about a minute behind
	Stepped  time.Time // when the second step was last passed in it; zero: never
	Helpdesk bool      // a helpdesk code was accepted in it
	Device   DeviceID  // zero: none
	Addr     netip.Addr
	Tries    uint8 // wrong recovery and helpdesk codes
}

// sessionRecord is Session on disk. What was kept once and is not any more is
// still read, and dropped at the next writing.
type sessionRecord struct {
	Address   string `cbor:"1,keyasint"`
	Tag       []byte `cbor:"2,keyasint"`
	Stage     uint8  `cbor:"3,keyasint"`
	Made      int64  `cbor:"4,keyasint"`
	Seen      int64  `cbor:"5,keyasint"`
	Stepped   int64  `cbor:"6,keyasint,omitempty"`
	Helpdesk  bool   `cbor:"7,keyasint,omitempty"`
	Device    []byte `cbor:"8,keyasint,omitempty"`
	UserAgent string `cbor:"9,keyasint,omitempty"` // not any more: the device has it
	Addr      []byte `cbor:"10,keyasint,omitempty"`
	Tries     uint8  `cbor:"11,keyasint,omitempty"`
}

func (x *Session) record() sessionRecord {
	r := sessionRecord{Address: x.Address, Tag: x.Tag[:], Stage: uint8(x.Stage), Made: seconds(x.Made),
		Seen: seconds(x.Seen), Stepped: seconds(x.Stepped), Helpdesk: x.Helpdesk,
		Addr: x.Addr.WithZone("").AsSlice(), Tries: x.Tries}
	if !x.Device.IsZero() {
		r.Device = x.Device[:]
	}
	return r
}

func (s *Store) decodeSession(acct AccountID, rest string, payload []byte) (Session, error) {
	r, err := decode[sessionRecord](s, payload)
	if err != nil {
		return Session{}, err
	}
	x := Session{Account: acct, Address: r.Address, Stage: Stage(r.Stage), Made: fromSeconds(r.Made),
		Seen: fromSeconds(r.Seen), Stepped: fromSeconds(r.Stepped), Helpdesk: r.Helpdesk, Tries: r.Tries}
	x.Addr, _ = netip.AddrFromSlice(r.Addr)
	err = errors.Join(fill(x.ID[:], []byte(rest)), fill(x.Tag[:], r.Tag))
	if len(r.Device) > 0 {
		err = errors.Join(err, fill(x.Device[:], r.Device))
	}
	if err == nil {
		err = damagedIf(x.check())
	}
	return x, err
}

// check returns ErrInvalidRecord for a session that must not be written. One
// without a tag would be anybody's who can make its key say zero.
func (x *Session) check() error {
	switch {
	case x.Account.IsZero() || x.ID.IsZero() || x.Tag == [16]byte{}:
		return fmt.Errorf("%w: session without account, id or tag", ErrInvalidRecord)
	case x.Stage < StageCode || x.Stage > StageIn:
		return fmt.Errorf("%w: session without stage", ErrInvalidRecord)
	case !validAddress(x.Address):
		return fmt.Errorf("%w: session's address", ErrInvalidRecord)
	}
	return checkTexts("session's address", x.Address)
}

func sessionKey(acct AccountID, id SessionID) []byte {
	return belowKey(acct, belowSession, string(id[:]))
}

// Session returns one session of the account, or ErrNoSession.
func (r *Reader) Session(acct AccountID, id SessionID) (Session, error) {
	payload, err := r.payload(sessionKey(acct, id), ErrNoSession)
	if err != nil {
		return Session{}, err
	}
	return r.s.decodeSession(acct, string(id[:]), payload)
}

// Sessions returns the account's sessions, oldest first. Damaged ones are left
// out and joined into an error beside the list, which is good without them.
func (r *Reader) Sessions(acct AccountID) ([]Session, error) {
	list, err := listBelow(r, acct, belowSession, r.s.decodeSession)
	slices.SortStableFunc(list, func(a, b Session) int { return a.Made.Compare(b.Made) })
	return list, err
}

// PutSession writes a session.
func (w *Writer) PutSession(x Session) error {
	if err := x.check(); err != nil {
		return err
	}
	return putCold(w, sessionKey(x.Account, x.ID), x.record())
}

// DeleteSession removes a session, if it is there, and its challenges.
func (w *Writer) DeleteSession(acct AccountID, id SessionID) error {
	challenges, err := w.keysBelow(acct, belowChallenge, string(id[:]))
	if err != nil {
		return err
	}
	return w.deleteKeys(append(challenges, sessionKey(acct, id)))
}

// EndSessions removes all sessions of the account but one (zero: all), damaged
// ones too, with their challenges. It returns how many sessions there were.
func (w *Writer) EndSessions(acct AccountID, except SessionID) (int, error) {
	others := func(kind byte) ([][]byte, error) {
		keys, err := w.keysBelow(acct, kind, "")
		kept := string(belowKey(acct, kind, string(except[:])))
		return slices.DeleteFunc(keys, func(key []byte) bool {
			return len(key) >= len(kept) && string(key[:len(kept)]) == kept
		}), err
	}
	sessions, err := others(belowSession)
	challenges, err2 := others(belowChallenge)
	if err := errors.Join(err, err2); err != nil {
		return 0, err
	}
	return len(sessions), w.deleteKeys(append(sessions, challenges...))
}

// putSeen notes the use of a session. One that has ended, or cannot be read, is
// left alone: it must not hold up the batch.
func (w *Writer) putSeen(acct AccountID, id string, u LastUse) error {
	parsed, err := ParseSessionID(id)
	if err != nil {
		return nil
	}
	x, err := w.Session(acct, parsed)
	if errors.Is(err, ErrNoSession) || errors.Is(err, kv.ErrDamaged) {
		return nil
	} else if err != nil {
		return err
	}
	if !x.Seen.Before(u.Time) {
		return nil // a stamp that comes late
	}
	x.Seen, x.Addr = u.Time, u.Addr
	return w.PutSession(x)
}
