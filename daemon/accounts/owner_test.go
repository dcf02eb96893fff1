package accounts

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// ownerMethod is a method that takes a Session, and what it says in sessions that
// differ: in and stepped a moment ago; stepped 10 minutes ago; come in by a
// trusted browser; code awaited; recovered; in, no phone bound; the same where
// one is required. nil: it is done.
type ownerMethod struct {
	name string
	call func(w *world, in Session) error

	in, longAgo, trusted, code, rebind, unbound, required error
}

func ownerMethods() []ownerMethod {
	send := func(p store.Purpose) func(w *world, in Session) error {
		return func(w *world, in Session) error {
			_, err := w.SendCode(w.t.Context(), in, p, phoneB, home())
			return err
		}
	}
	enter := func(p store.Purpose) func(w *world, in Session) error {
		return func(w *world, in Session) error { _, err := w.enter(in, p, "123456"); return err }
	}
	return []ownerMethod{
		{"SignOut", func(w *world, in Session) error { return w.SignOut(w.t.Context(), in) },
			nil, nil, nil, nil, nil, nil, nil},
		{"SignOutEverywhere", func(w *world, in Session) error { return w.SignOutEverywhere(w.t.Context(), in) },
			nil, nil, nil, ErrStage, ErrStage, nil, ErrStage},
		{"SendCode sign-in", send(store.PurposeSignIn), ErrStage, ErrStage, ErrStage, nil, ErrStage, ErrStage, ErrStage},
		{"SendCode bind", send(store.PurposeBind), ErrStage, ErrStage, ErrStage, ErrStage, nil, nil, nil},
		{"SendCode change", send(store.PurposeChange), nil, ErrStepUp, ErrStepUp, ErrStage, ErrStage, ErrNotBound, ErrNotBound},
		{"SendCode confirm", send(store.PurposeConfirm), nil, nil, nil, ErrStage, ErrStage, ErrNotBound, ErrNotBound},
		{"EnterCode sign-in", enter(store.PurposeSignIn), ErrStage, ErrStage, ErrStage, ErrNoCode, ErrStage, ErrStage, ErrStage},
		{"EnterCode bind", enter(store.PurposeBind), ErrStage, ErrStage, ErrStage, ErrStage, ErrNoCode, ErrNoCode, ErrNoCode},
		{"EnterCode change", enter(store.PurposeChange), ErrNoCode, ErrNoCode, ErrNoCode, ErrStage, ErrStage, ErrNotBound, ErrNotBound},
		{"EnterCode confirm", enter(store.PurposeConfirm), ErrNoCode, ErrNoCode, ErrNoCode, ErrStage, ErrStage, ErrNotBound, ErrNotBound},
		{"Challenge", func(w *world, in Session) error {
			_, err := w.Challenge(w.t.Context(), in, store.PurposeConfirm)
			return err
		}, ErrNoCode, ErrNoCode, ErrNoCode, ErrStage, ErrStage, ErrNotBound, ErrNotBound},
		{"EnterRecovery", func(w *world, in Session) error {
			_, err := w.EnterRecovery(w.t.Context(), in, "aaaa-aaaa-aaaa", home())
			return err
		}, ErrWrongRecovery, ErrWrongRecovery, ErrWrongRecovery, ErrWrongRecovery, ErrStage, ErrWrongRecovery, ErrWrongRecovery},
		{"Unbind", func(w *world, in Session) error { _, err := w.Unbind(w.t.Context(), in); return err },
			nil, ErrStepUp, ErrStepUp, ErrStage, ErrStage, ErrNotBound, ErrStage},
		{"OwnAppPasswords", func(w *world, in Session) error { _, err := w.OwnAppPasswords(w.t.Context(), in); return err },
			nil, nil, nil, ErrStage, ErrStage, nil, ErrStage},
		{"MakeAppPassword", func(w *world, in Session) error {
			_, _, err := w.MakeAppPassword(w.t.Context(), in, NewAppPassword{Name: "phone"})
			return err
		}, nil, ErrStepUp, ErrStepUp, ErrStage, ErrStage, ErrNotBound, ErrStage},
		{"RevokeOwn", func(w *world, in Session) error { return w.RevokeOwn(w.t.Context(), in, store.AppPasswordID{9}) },
			ErrNoAppPassword, ErrNoAppPassword, ErrNoAppPassword, ErrStage, ErrStage, ErrNoAppPassword, ErrStage},
		{"RevokeAllOwn", func(w *world, in Session) error { _, err := w.RevokeAllOwn(w.t.Context(), in); return err },
			nil, nil, nil, ErrStage, ErrStage, nil, ErrStage},
		{"MakeRecoveryCodes", func(w *world, in Session) error {
			_, err := w.MakeRecoveryCodes(w.t.Context(), in, time.Time{})
			return err
		},
			nil, ErrStepUp, ErrStepUp, ErrStage, ErrStage, ErrNotBound, ErrStage},
		{"RecoveryCodesLeft", func(w *world, in Session) error { _, err := w.RecoveryCodesLeft(w.t.Context(), in); return err },
			nil, nil, nil, ErrStage, ErrStage, nil, ErrStage},
		{"ChangePassword", func(w *world, in Session) error {
			_, _, err := w.ChangePassword(w.t.Context(), in, secret.New("another password"), false)
			return err
		}, nil, ErrStepUp, ErrStepUp, ErrStage, ErrStage, nil, ErrStage},
		{"OwnDevices", func(w *world, in Session) error { _, err := w.OwnDevices(w.t.Context(), in); return err },
			nil, nil, nil, ErrStage, ErrStage, nil, ErrStage},
		{"Untrust", func(w *world, in Session) error { return w.Untrust(w.t.Context(), in, store.DeviceID{9}) },
			ErrNoDevice, ErrNoDevice, ErrNoDevice, ErrStage, ErrStage, ErrNoDevice, ErrStage},
		{"DeleteDevice", func(w *world, in Session) error { return w.DeleteDevice(w.t.Context(), in, store.DeviceID{9}) },
			ErrNoDevice, ErrNoDevice, ErrNoDevice, ErrStage, ErrStage, ErrNoDevice, ErrStage},
	}
}

// TestWhatASessionMayDo walks methods × sessions.
func TestWhatASessionMayDo(t *testing.T) {
	bound := func(begin func(w *world) Entered) func(w *world) Session {
		return func(w *world) Session {
			_, err := w.BindPhone(w.t.Context(), admin, alice, phoneA)
			w.must(err)
			return begin(w).Session
		}
	}
	for name, tt := range map[string]struct {
		begin func(w *world) Session
		want  func(m ownerMethod) error
	}{
		"in": {bound(func(w *world) Entered {
			e := w.inside(alice)
			w.pass(10*time.Minute - time.Second)
			return e
		}), func(m ownerMethod) error { return m.in }},
		"long ago": {bound(func(w *world) Entered {
			e := w.inside(alice)
			w.pass(10 * time.Minute)
			return e
		}), func(m ownerMethod) error { return m.longAgo }},
		"trusted": {bound(func(w *world) Entered {
			e, err := w.signInAs(alice, w.insideOf(w.signIn(alice), true).Device.Value)
			w.must(err)
			return e
		}), func(m ownerMethod) error { return m.trusted }},
		"code":    {bound(func(w *world) Entered { return w.signIn(alice) }), func(m ownerMethod) error { return m.code }},
		"rebind":  {bound(func(w *world) Entered { return w.recovered() }), func(m ownerMethod) error { return m.rebind }},
		"unbound": {func(w *world) Session { return w.signIn(alice).Session }, func(m ownerMethod) error { return m.unbound }},
		"required": {func(w *world) Session {
			w.Enforced = func(string, time.Time) bool { return true }
			return w.signIn(alice).Session
		}, func(m ownerMethod) error { return m.required }},
	} {
		for _, m := range ownerMethods() {
			t.Run(name+", "+m.name, func(t *testing.T) {
				w := newWorld(t)
				w.add(alice)
				if err, want := m.call(w, tt.begin(w)), tt.want(m); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("%v, want %v", err, want)
				}
			})
		}
	}
}

// TestNothingAfterTheEnd: whatever was on its way when a session ended is refused
// and changes nothing; so is a session that never was, or is another account's.
func TestNothingAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(w *world, in Session) Session{
		"signed out": func(w *world, in Session) Session { w.must(w.SignOut(w.t.Context(), in)); return in },
		"idle":       func(w *world, in Session) Session { w.pass(30 * time.Minute); return in },
		"too old":    func(w *world, in Session) Session { w.keep(in, 12*time.Hour); return in },
		"moved on":   func(w *world, in Session) Session { w.moveOn(in); return in },
		"never was":  func(w *world, in Session) Session { in.ID[0]++; return in },
		"zero":       func(w *world, in Session) Session { return Session{} },
		"of bob":     func(w *world, in Session) Session { in.ID = w.inside(bob).Session.ID; return in },
		"of bob's own": func(w *world, in Session) Session {
			s := w.inside(bob).Session
			in.ID, in.Account = s.ID, s.Account
			return in
		},
		"under bob":       func(w *world, in Session) Session { in.Account = w.inside(bob).Session.Account; return in },
		"named after bob": func(w *world, in Session) Session { w.must(w.SignOut(w.t.Context(), in)); in.Address = bob; return in },
	} {
		for _, m := range ownerMethods() {
			t.Run(name+", "+m.name, func(t *testing.T) {
				w := worldWith(t)
				w.addBound(bob, phoneB)
				in := end(w, w.inside(alice).Session)
				before, events, sent := w.dump(), w.kinds(), len(w.phone.sent)
				told := *w.told(m.call(w, in), ErrSignedOut)
				if told.Cause = nil; told != *signedOut(nil) {
					t.Errorf("%+v", told)
				}
				if !maps.Equal(before, w.dump()) || w.kinds() != events || len(w.phone.sent) != sent {
					t.Error("something happened")
				}
			})
		}
	}
}

// keep moves the clock and keeps a session from becoming idle.
func (w *world) keep(in Session, d time.Duration) {
	w.t.Helper()
	w.pass(d)
	w.Seen(store.Use{Address: alice, AccountID: in.Account, Credential: store.SessionCredential(in.ID), LastUse: store.LastUse{Time: w.now}})
}

// moveOn passes another step in the session, so that its token is another.
func (w *world) moveOn(in Session) {
	w.t.Helper()
	w.ask(in, store.PurposeConfirm, "")
	_, err := w.enter(in, store.PurposeConfirm, w.phone.code())
	w.must(err)
}

// TestIdsOfOthers: what belongs to another account answers exactly as what does
// not exist.
func TestIdsOfOthers(t *testing.T) {
	w := worldWith(t)
	w.addBound(bob, phoneB)
	theirs := w.insideOf(w.signIn(bob), true)
	app, _, err := w.MakeAppPassword(t.Context(), theirs.Session, NewAppPassword{Name: "bob's"})
	w.must(err)
	in := w.inside(alice).Session
	before := w.dump()
	for name, call := range map[string]func(exists bool) error{
		"RevokeOwn": func(exists bool) error {
			id := store.AppPasswordID{9}
			if exists {
				id = app.ID
			}
			return w.RevokeOwn(t.Context(), in, id)
		},
		"Untrust":      func(exists bool) error { return w.Untrust(t.Context(), in, deviceOf(theirs, exists)) },
		"DeleteDevice": func(exists bool) error { return w.DeleteDevice(t.Context(), in, deviceOf(theirs, exists)) },
		"UntrustDevice": func(exists bool) error {
			return w.UntrustDevice(t.Context(), admin, alice, deviceOf(theirs, exists))
		},
		"RemoveDevice": func(exists bool) error {
			return w.RemoveDevice(t.Context(), admin, alice, deviceOf(theirs, exists))
		},
		"RevokeAppPassword": func(exists bool) error {
			id := store.AppPasswordID{9}
			if exists {
				id = app.ID
			}
			_, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
			return err
		},
	} {
		var other, none *Error
		if !errors.As(call(true), &other) || !errors.As(call(false), &none) || other.Error() != none.Error() ||
			other.Sentence != none.Sentence || other.Hint != none.Hint {
			t.Errorf("%s: %v, %v", name, other, none)
		}
	}
	a := w.account()
	e, err := w.StartSession(t.Context(), SignIn{Address: alice, Account: a.ID, Fingerprint: a.MainFingerprint(), Browser: home(), Device: theirs.Device.Value})
	w.must(err)
	if e.Session.Stage != store.StageCode {
		t.Error("bob's device is alice's")
	}
	w.must(w.SignOut(t.Context(), e.Session))
	if !maps.Equal(before, w.dump()) {
		t.Error("something happened")
	}
}

func deviceOf(e Entered, exists bool) store.DeviceID {
	if exists {
		return e.Session.Device
	}
	return store.DeviceID{9}
}
