package accounts

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
)

func TestSendCode(t *testing.T) {
	w := worldWith(t)
	w.cfg.Portal.Name = "Example Mail"
	e := w.signIn(alice)
	c := w.ask(e.Session, store.PurposeSignIn, phoneB) // the number is not the asker's to say
	want := Challenge{Purpose: store.PurposeSignIn, Phone: "+86 138****5678", Expires: w.now.Add(5 * time.Minute),
		ResendAt: w.now.Add(time.Minute), SendingsLeft: 2, TriesLeft: 5}
	if c != want {
		t.Errorf("%+v", c)
	}
	m := w.phone.last()
	if m.To != phoneA || m.Purpose != sms.SignIn || m.Language != "en" || m.Site != "Example Mail" || m.Minutes != 5 {
		t.Errorf("%+v", m)
	}
	shown, err := w.Challenge(t.Context(), e.Session, store.PurposeSignIn)
	w.must(err)
	if shown != want {
		t.Errorf("%+v", shown)
	}
	for _, p := range []store.Purpose{store.PurposeBind, store.PurposeChange, store.PurposeConfirm} {
		_, err := w.Challenge(t.Context(), e.Session, p)
		w.told(err, ErrStage)
	}
	page, err := w.Events(t.Context(), EventQuery{Address: alice, Limit: 1})
	w.must(err)
	if sent := page[0]; sent.Kind != store.EventCodeSent || sent.Actor != "owner" || sent.Detail != "sign-in +86 138****5678" || sent.Addr != home().Addr {
		t.Errorf("%+v", sent)
	}
}

// TestSendAgain: the same code, and neither tries nor time are given back.
func TestSendAgain(t *testing.T) {
	w := worldWith(t)
	e := w.signIn(alice)
	first := w.ask(e.Session, store.PurposeSignIn, "")
	code := w.phone.code()
	_, err := w.enter(e.Session, store.PurposeSignIn, otherCode(code))
	if got := w.told(err, ErrWrongCode).TriesLeft; got != 4 {
		t.Errorf("%d tries left", got)
	}
	w.pass(time.Minute - time.Second)
	_, err = w.SendCode(t.Context(), e.Session, store.PurposeSignIn, "", home())
	if got := w.told(err, ErrTooSoon).Until; !got.Equal(first.ResendAt) {
		t.Errorf("until %s", got)
	}
	for left := 1; left >= 0; left-- {
		w.pass(time.Minute)
		c := w.ask(e.Session, store.PurposeSignIn, "")
		if c.SendingsLeft != left || c.TriesLeft != 4 || !c.Expires.Equal(first.Expires) || w.phone.code() != code {
			t.Errorf("%+v", c)
		}
	}
	w.pass(time.Minute)
	_, err = w.SendCode(t.Context(), e.Session, store.PurposeSignIn, "", home())
	w.told(err, ErrNoSendings)
	w.now = first.Expires.Add(-time.Second)
	if _, err = w.enter(e.Session, store.PurposeSignIn, code); err != nil {
		t.Error(err)
	}
}

// TestNewChallenge: another code is made only when the one before is over.
func TestNewChallenge(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(w *world, in Session)
		anew bool
	}{
		{"just before the end", func(w *world, in Session) { w.pass(5*time.Minute - time.Second) }, false},
		{"at its end", func(w *world, in Session) { w.pass(5 * time.Minute) }, true},
		{"four wrong", func(w *world, in Session) { w.wrong(in, 4); w.pass(time.Minute) }, false},
		{"five wrong", func(w *world, in Session) { w.wrong(in, 5); w.pass(time.Minute) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			e := w.signIn(alice)
			w.ask(e.Session, store.PurposeSignIn, "")
			code := w.phone.code()
			tt.then(w, e.Session)
			c := w.ask(e.Session, store.PurposeSignIn, "")
			if anew := w.phone.code() != code; anew != tt.anew || anew != (c.TriesLeft == 5 && c.SendingsLeft == 2 && c.Expires.Equal(w.now.Add(5*time.Minute))) {
				t.Errorf("a new code: %v; %+v", anew, c)
			}
		})
	}
	w := worldWith(t)
	e := w.signIn(alice)
	w.ask(e.Session, store.PurposeSignIn, "")
	w.wrong(e.Session, 5)
	w.pass(59 * time.Second)
	_, err := w.SendCode(t.Context(), e.Session, store.PurposeSignIn, "", home())
	w.told(err, ErrTooSoon)
}

// wrong enters wrong sign-in codes.
func (w *world) wrong(in Session, times int) {
	w.t.Helper()
	for range times {
		_, err := w.enter(in, store.PurposeSignIn, otherCode(w.phone.code()))
		w.told(err, ErrWrongCode)
	}
}

func TestNoSender(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	w.Sender = nil
	before := w.dump()
	_, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home())
	w.told(err, ErrNoSMS)
	if !maps.Equal(before, w.dump()) {
		t.Error("something was written")
	}
}

// TestWhoMayAsk: at which stage which purposes make sense.
func TestWhoMayAsk(t *testing.T) {
	purposes := []store.Purpose{store.PurposeSignIn, store.PurposeBind, store.PurposeChange, store.PurposeConfirm}
	for _, tt := range []struct {
		name  string
		begin func(w *world) Session
		want  map[store.Purpose]error // others are ErrStage
	}{
		{"code awaited", func(w *world) Session { w.addBound(alice, phoneA); return w.signIn(alice).Session },
			map[store.Purpose]error{store.PurposeSignIn: nil}},
		{"in, bound", func(w *world) Session {
			w.addBound(alice, phoneA)
			e := w.inside(alice)
			w.phone.sent = nil
			return e.Session
		}, map[store.Purpose]error{store.PurposeChange: nil, store.PurposeConfirm: nil}},
		{"in, not bound", func(w *world) Session { w.add(alice); return w.signIn(alice).Session },
			map[store.Purpose]error{store.PurposeBind: nil, store.PurposeChange: ErrNotBound, store.PurposeConfirm: ErrNotBound}},
		{"binding required", func(w *world) Session {
			w.add(alice)
			w.Enforced = func(string, time.Time) bool { return true }
			return w.signIn(alice).Session
		}, map[store.Purpose]error{store.PurposeBind: nil, store.PurposeChange: ErrNotBound, store.PurposeConfirm: ErrNotBound}},
		{"recovered", func(w *world) Session { w.addBound(alice, phoneA); return w.recovered().Session },
			map[store.Purpose]error{store.PurposeBind: nil}},
	} {
		for _, p := range purposes {
			t.Run(tt.name+", "+p.String(), func(t *testing.T) {
				w := newWorld(t)
				in := tt.begin(w)
				_, err := w.SendCode(t.Context(), in, p, phoneB, home())
				want, known := tt.want[p]
				if !known {
					want = ErrStage
				}
				if !errors.Is(err, want) {
					t.Errorf("send: %v, want %v", err, want)
				}
				if want != nil {
					_, err = w.enter(in, p, "123456")
					w.told(err, want)
					_, err = w.Challenge(t.Context(), in, p)
					w.told(err, want)
				}
				if slices.ContainsFunc(w.phone.sent, func(m sms.Message) bool { return string(m.Purpose) != p.String() }) {
					t.Errorf("sent: %v", w.phone.sent)
				}
			})
		}
	}
}
