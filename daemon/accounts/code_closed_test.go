package accounts

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// codeState is what is counted of alice's codes.
func (w *world) codeState() store.CodeState {
	w.t.Helper()
	var state store.CodeState
	w.view(func(r *store.Reader) error {
		var err error
		state, err = r.CodeState(w.account().ID)
		return err
	})
	return state
}

// TestSameNumberOpensAgain: who has the phone, but entered too many wrong codes,
// binds the same number after a recovery or a helpdesk code, and is in. The
// binding's code has tries of its own.
func TestSameNumberOpensAgain(t *testing.T) {
	for _, how := range []string{"recovery", "helpdesk, before", "helpdesk"} {
		t.Run(how, func(t *testing.T) {
			w := worldWith(t)
			w.cfg.TwoStep.AccountsPerNumber = 1 // alice's is the one
			kept, _ := w.appPassword("kept", false, time.Time{})
			code := w.recoveryCodes()[0].Group()
			since := w.account().Bound
			if how == "helpdesk, before" {
				code = w.helpdesk()
			}
			w.close()
			if how == "helpdesk" {
				code = w.helpdesk()
			}
			w.close() // somebody goes on guessing
			w.pass(time.Minute)
			e, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, code, home())
			w.must(err)
			other := w.signIn(alice)
			w.ask(e.Session, store.PurposeBind, phoneA)
			if w.phone.last().To != phoneA {
				t.Errorf("%v", w.phone.last())
			}
			for left := 4; left > 0; left-- {
				_, err = w.enter(e.Session, store.PurposeBind, otherCode(w.phone.code()))
				if got := w.told(err, ErrWrongCode).TriesLeft; got != left {
					t.Errorf("%d tries left, want %d", got, left)
				}
			}
			w.cuts = nil
			in, err := w.enter(e.Session, store.PurposeBind, w.phone.code())
			w.must(err)
			if b := in.Binding; in.Session.Stage != store.StageIn || !in.Session.Fresh || b == nil || b.Changed || !b.Again || len(b.Ended) != 0 {
				t.Errorf("%+v", in)
			}
			if !w.account().Bound.Equal(since) || w.show().AppPasswords[0].ID != kept || w.show().Live != 1 || len(w.cuts) != 0 {
				t.Errorf("%+v, cut: %q", w.show(), w.cuts)
			}
			_, err = w.find(other)
			w.told(err, ErrSignedOut)
			if got := w.kinds(); !strings.HasSuffix(got, "login phone-bound") {
				t.Errorf("events: %s", got)
			}
			w.inside(alice) // with a code
		})
	}
}

// TestSameNumberElsewhere: inside, and where another number is expected, it is
// refused as before.
func TestSameNumberElsewhere(t *testing.T) {
	w := worldWith(t)
	_, err := w.SendCode(t.Context(), w.inside(alice).Session, store.PurposeChange, phoneA, home())
	w.told(err, ErrSameNumber)
	e := w.recovered()
	w.must(w.ExpectPhone(t.Context(), admin, alice, phoneB))
	_, err = w.SendCode(t.Context(), e.Session, store.PurposeBind, phoneA, home())
	w.told(err, ErrNumberExpected)
}

// TestWhoOpensTheStep walks what ends the row of wrong codes and the closing of
// the step. How many numbers were named that day stays counted.
func TestWhoOpensTheStep(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(w *world) error
		opens bool
	}{
		{"phone reset by the helpdesk", func(w *world) error { w.helpdesk(); return nil }, true},
		{"phone unbound by an administrator", func(w *world) error { return w.UnbindPhone(w.t.Context(), admin, alice) }, true},
		{"another number by an administrator", func(w *world) error {
			_, err := w.BindPhone(w.t.Context(), admin, alice, phoneB)
			return err
		}, true},
		{"the main password right", func(w *world) error { w.signIn(alice); return nil }, false},
		{"a recovery code given", func(w *world) error {
			_, err := w.EnterRecovery(w.t.Context(), w.signIn(alice).Session, w.given, home())
			return err
		}, false},
		{"sessions ended", func(w *world) error { _, err := w.EndSessions(w.t.Context(), admin, alice); return err }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			w.given = w.recoveryCodes()[0].Group()
			before := store.CodeState{Wrong: 7, ClosedUntil: w.now.Add(time.Hour), Day: w.now.Truncate(24 * time.Hour), Numbers: [][16]byte{{1}, {2}}}
			id := w.account().ID
			w.update(func(sw *store.Writer) error { return sw.PutCodeState(id, before) })
			w.must(tt.do(w))
			after := w.codeState()
			if opened := after.Wrong == 0 && after.ClosedUntil.IsZero(); opened != tt.opens || len(after.Numbers) != 2 || !after.Day.Equal(before.Day) {
				t.Errorf("%+v", after)
			}
			if !tt.opens && (after.Wrong != 7 || !after.ClosedUntil.Equal(before.ClosedUntil)) {
				t.Errorf("%+v", after)
			}
		})
	}
}

// TestGuessingGoesOn: whoever has the main password and goes on guessing gets one
// row of tries a day, and another for each time that the helpdesk acts.
func TestGuessingGoesOn(t *testing.T) {
	w := worldWith(t)
	w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour = 1000, 1000, 1000
	guess := func() (compared int) {
		for range 30 {
			in := w.signIn(alice).Session
			if _, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home()); err != nil {
				w.told(err, ErrCodeClosed)
				continue
			}
			w.wrong(in, 1)
			compared++
		}
		return compared
	}
	for i, want := range []int{20, 0} {
		if got := guess(); got != want {
			t.Errorf("%d: %d tries", i, got)
		}
	}
	w.helpdesk()
	for i, want := range []int{20, 0} {
		if got := guess(); got != want {
			t.Errorf("after the helpdesk, %d: %d tries", i, got)
		}
	}
}
