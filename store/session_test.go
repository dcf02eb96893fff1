package store

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/memkv"
)

// fullSession fills every field.
func fullSession(a *Account, n byte) Session {
	return Session{ID: SessionID{n}, Account: a.ID, Address: a.Address, Tag: [16]byte{n}, Stage: StageIn,
		Made: t0.Add(time.Duration(n) * time.Minute), Seen: t0.Add(time.Hour), Stepped: t0.Add(time.Minute), Helpdesk: true,
		Device: DeviceID{n}, Addr: netip.MustParseAddr("192.0.2.1"), Tries: 3}
}

// allSet names the test's mistake of leaving a field of a full record out.
func allSet(t *testing.T, record any) {
	t.Helper()
	v := reflect.ValueOf(record)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the test's %T leaves %s out", record, v.Type().Field(i).Name)
		}
	}
}

func TestSessions(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	first, second := fullSession(a, 1), Session{ID: SessionID{2}, Account: a.ID, Address: a.Address, Tag: [16]byte{2},
		Stage: StageCode, Made: t0, Seen: t0}
	allSet(t, first)
	update(t, s, func(w *Writer) error {
		return errors.Join(w.PutSession(first), w.PutSession(second), w.PutSession(fullSession(other, 1)))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.Session(a.ID, first.ID); err != nil || got != first {
			t.Errorf("Session = %+v, %v\nwant %+v", got, err, first)
		}
		if got, err := r.Sessions(a.ID); err != nil || !reflect.DeepEqual(got, []Session{second, first}) {
			t.Errorf("Sessions = %+v, %v; want both, the older first", got, err)
		}
		if got, err := r.Session(other.ID, second.ID); !errors.Is(err, ErrNoSession) {
			t.Errorf("another account's session: %+v, %v", got, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error {
		return errors.Join(w.DeleteSession(a.ID, first.ID), w.DeleteSession(a.ID, first.ID))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.Session(a.ID, first.ID); !errors.Is(err, ErrNoSession) {
			t.Errorf("after DeleteSession: %+v, %v", got, err)
		}
		return nil
	})
}

func TestSessionBounds(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 0)
	for name, change := range map[string]func(*Session){
		"no id":      func(x *Session) { x.ID = SessionID{} },
		"no account": func(x *Session) { x.Account = AccountID{} },
		"no tag":     func(x *Session) { x.Tag = [16]byte{} },
		"no stage":   func(x *Session) { x.Stage = 0 },
		"stage 4":    func(x *Session) { x.Stage = StageIn + 1 },
		"no address": func(x *Session) { x.Address = "" },
		"no UTF-8":   func(x *Session) { x.Address = "\xff" },
	} {
		x := fullSession(a, 1)
		change(&x)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutSession(x) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: PutSession = %v; want ErrInvalidRecord", name, err)
		}
	}
}

// TestEndSessions ends all but one, with the challenges of the others; a damaged
// session must not keep the others alive.
func TestEndSessions(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	update(t, s, func(w *Writer) error {
		var errs []error
		for n := range byte(4) {
			errs = append(errs, w.PutSession(fullSession(a, n+1)), w.PutChallenge(fullChallenge(a, n+1, PurposeSignIn)),
				w.PutChallenge(fullChallenge(a, n+1, PurposeConfirm)))
		}
		errs = append(errs, w.PutSession(fullSession(other, 9)), w.PutChallenge(fullChallenge(other, 9, PurposeSignIn)))
		return errors.Join(errs...)
	})
	replaceValue(t, e, string(sessionKey(a.ID, SessionID{3})), []byte("damaged"))
	view(t, s, func(r *Reader) error {
		if list, err := r.Sessions(a.ID); !errors.Is(err, ErrDamaged) || len(list) != 3 {
			t.Errorf("beside a damaged session: %d, %v; want the three good ones and ErrDamaged", len(list), err)
		}
		return nil
	})
	end := func(except SessionID, want int) {
		t.Helper()
		update(t, s, func(w *Writer) error {
			if n, err := w.EndSessions(a.ID, except); n != want || err != nil {
				t.Errorf("EndSessions = %d, %v; want %d", n, err, want)
			}
			return nil
		})
	}
	left := func(want ...byte) {
		t.Helper()
		view(t, s, func(r *Reader) error {
			for n := range byte(4) {
				_, err := r.Session(a.ID, SessionID{n + 1})
				_, err2 := r.Challenge(a.ID, SessionID{n + 1}, PurposeSignIn)
				_, err3 := r.Challenge(a.ID, SessionID{n + 1}, PurposeConfirm)
				kept := strings.IndexByte(string(want), n+1) >= 0
				if (err == nil) != kept || (err2 == nil) != kept || (err3 == nil) != kept {
					t.Errorf("session %d: %v, %v, %v; kept: %v", n+1, err, err2, err3, kept)
				}
			}
			_, err := r.Session(other.ID, SessionID{9})
			_, err2 := r.Challenge(other.ID, SessionID{9}, PurposeSignIn)
			return errors.Join(err, err2)
		})
	}
	end(SessionID{2}, 3)
	left(2)
	end(SessionID{2}, 0)
	left(2)
	end(SessionID{}, 1)
	left()
}

// TestSessionUse moves Seen and Addr by a stamp, and nothing else.
func TestSessionUse(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a := addAccount(t, s, "u@example.org", 0)
	x, gone, bad := fullSession(a, 1), SessionID{7}, fullSession(a, 3)
	update(t, s, func(w *Writer) error { return errors.Join(w.PutSession(x), w.PutSession(bad)) })
	replaceValue(t, e, string(sessionKey(a.ID, bad.ID)), []byte("damaged"))
	keys := countKeys(t, e)
	use := func(credential string, acct AccountID, minute int) Use {
		return Use{Address: a.Address, AccountID: acct, Credential: credential, LastUse: LastUse{
			Time: x.Seen.Add(time.Duration(minute) * time.Minute), Addr: netip.MustParseAddr("2001:db8::1"), Service: "portal"}}
	}
	write := func(uses ...Use) {
		t.Helper()
		if err := s.WriteMerged(ctx, nil, uses); err != nil {
			t.Fatal(err)
		}
	}
	write(use(SessionCredential(gone), a.ID, 9), use(SessionCredential(bad.ID), a.ID, 9), use("session-", a.ID, 9),
		use("session-zz", a.ID, 9), use(SessionCredential(x.ID), AccountID{9}, 9), use(SessionCredential(x.ID), a.ID, 5),
		use(SessionCredential(x.ID), a.ID, 2)) // the last comes late
	x.Seen, x.Addr = x.Seen.Add(5*time.Minute), netip.MustParseAddr("2001:db8::1")
	view(t, s, func(r *Reader) error {
		if got, err := r.Session(a.ID, x.ID); err != nil || got != x {
			t.Errorf("after a use: %+v, %v\nwant %+v", got, err, x)
		}
		if uses, err := r.LastUses(a.ID); err != nil || len(uses) != 0 {
			t.Errorf("a session left last uses: %v, %v", uses, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error { return w.DeleteSession(a.ID, x.ID) })
	write(use(SessionCredential(x.ID), a.ID, 30))
	if got := countKeys(t, e); got != keys-1 {
		t.Errorf("%d keys, not %d: a late stamp brought something back", got, keys-1)
	}
}
