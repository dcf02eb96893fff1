package accounts

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// TestTriesAtOnce sends 100 tries at once: no more than 5 are compared.
func TestTriesAtOnce(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	w.ask(in, store.PurposeSignIn, "")
	code := w.phone.code()
	var compared, refused atomic.Int32
	start := make(chan struct{})
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			<-start
			switch _, err := w.enter(in, store.PurposeSignIn, otherCode(code)); {
			case errors.Is(err, ErrWrongCode):
				compared.Add(1)
			case errors.Is(err, ErrNoCode):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	wait.Wait()
	if compared.Load() != 5 || refused.Load() != 95 {
		t.Errorf("%d tries were compared, %d were not", compared.Load(), refused.Load())
	}
	_, err := w.enter(in, store.PurposeSignIn, code)
	w.told(err, ErrNoCode)
}

// TestRightCodeOnce enters the right code many times at once: it opens once.
func TestRightCodeOnce(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	w.ask(in, store.PurposeSignIn, "")
	code := w.phone.code()
	var wait sync.WaitGroup
	opened := make(chan struct{}, 100)
	for range cap(opened) {
		wait.Go(func() {
			if _, err := w.enter(in, store.PurposeSignIn, code); err == nil {
				opened <- struct{}{}
			}
		})
	}
	wait.Wait()
	if len(opened) != 1 {
		t.Errorf("opened %d times", len(opened))
	}
}

// TestCodeExpires walks the moments around the end of a code, counted from the
// first sending.
func TestCodeExpires(t *testing.T) {
	for after, works := range map[time.Duration]bool{
		0: true, time.Second: true, 5*time.Minute - time.Second: true, 5 * time.Minute: false, 6 * time.Minute: false,
	} {
		t.Run(after.String(), func(t *testing.T) {
			w := worldWith(t)
			in := w.signIn(alice).Session
			w.ask(in, store.PurposeSignIn, "")
			if after > time.Minute {
				w.pass(time.Minute)
				w.ask(in, store.PurposeSignIn, "") // gives back no time
				w.pass(-time.Minute)
			}
			w.pass(after)
			_, shown := w.Challenge(t.Context(), in, store.PurposeSignIn)
			_, err := w.enter(in, store.PurposeSignIn, w.phone.code())
			if works {
				w.must(errors.Join(shown, err))
				return
			}
			w.told(shown, ErrNoCode)
			w.told(err, ErrNoCode)
			_, err = w.enter(in, store.PurposeSignIn, w.phone.code())
			w.told(err, ErrNoCode)
			if got := w.logins(); got != "SMS-CODE code-expired" { // once
				t.Errorf("logins: %s", got)
			}
		})
	}
}

// TestCodeAsTyped: what has not the form of a code is no try.
func TestCodeAsTyped(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	w.ask(in, store.PurposeSignIn, "")
	code := w.phone.code()
	for _, typed := range []string{"", " ", "12345", code[:5], code + "0", code[:5] + "x", "١٢٣٤٥٦", strings.Repeat(" ", 100) + code} {
		_, err := w.enter(in, store.PurposeSignIn, typed)
		if got := w.told(err, ErrWrongCode).TriesLeft; got != 5 {
			t.Errorf("%q: %d tries left", typed, got)
		}
	}
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
	for _, typed := range []string{code, " " + code + "\t", code[:3] + " " + code[3:], code[:3] + "-" + code[3:], "\u00a0" + wide + "\u3000"} {
		got, ok := foldCode(typed)
		if !ok || string(got[:]) != code {
			t.Errorf("%q -> %q, %v", typed, got, ok)
		}
	}
}

func FuzzFoldCode(f *testing.F) {
	for _, s := range []string{"123456", "１２３４５６", "12-34 56", "12345", "1234567", "\u3000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := foldCode(typed)
		if !ok {
			return
		}
		if again, ok := foldCode(string(code[:])); !ok || again != code || strings.Trim(string(code[:]), "0123456789") != "" {
			t.Errorf("%q -> %q -> %q", typed, code, again)
		}
	})
}

// wrongRow enters wrong codes in a row, in as many sessions as it takes.
func (w *world) wrongRow(times int) {
	w.t.Helper()
	for left := times; left > 0; left -= 4 {
		in := w.signIn(alice).Session
		w.ask(in, store.PurposeSignIn, "")
		w.wrong(in, min(left, 4))
	}
}

// TestWrongInARow: 20 wrong codes in a row over all sessions close the step for a
// day; a right one in between begins a new row.
func TestWrongInARow(t *testing.T) {
	w := worldWith(t)
	w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour = 100, 100, 100
	w.wrongRow(19)
	w.insideOf(w.signIn(alice), false) // a right one
	w.wrongRow(19)
	pending, trusted := w.signIn(alice), w.insideOf(w.signIn(alice), true)
	w.wrongRow(19) // a right one was among them
	w.ask(pending.Session, store.PurposeSignIn, "")
	code := w.phone.code()
	last := w.signIn(alice)
	w.ask(last.Session, store.PurposeSignIn, "")
	_, err := w.enter(last.Session, store.PurposeSignIn, otherCode(w.phone.code()))
	w.told(err, ErrWrongCode)
	if got := w.kinds(); !strings.HasSuffix(got, "login code-closed") {
		t.Errorf("events: %s", got)
	}
	closed := w.now.Add(24 * time.Hour)
	_, err = w.enter(pending.Session, store.PurposeSignIn, code)
	if got := w.told(err, ErrCodeClosed).Until; !got.Equal(closed) {
		t.Errorf("until %s", got)
	}
	if got := w.logins(); !strings.HasSuffix(got, "SMS-CODE wrong-code, SMS-CODE code-closed") {
		t.Errorf("logins: %s", got)
	}
	sent := len(w.phone.sent)
	for _, in := range []Session{pending.Session, w.signIn(alice).Session} {
		_, err = w.SendCode(t.Context(), in, store.PurposeSignIn, "", home())
		w.told(err, ErrCodeClosed)
	}
	_, err = w.SendCode(t.Context(), trusted.Session, store.PurposeConfirm, "", home())
	w.told(err, ErrCodeClosed)
	if len(w.phone.sent) != sent {
		t.Error("a code was sent")
	}
	if e, err := w.signInAs(alice, trusted.Device.Value); err != nil || e.Session.Stage != store.StageIn {
		t.Errorf("trusted browser: %v", err)
	}
	w.now = closed.Add(-time.Second)
	_, err = w.SendCode(t.Context(), w.signIn(alice).Session, store.PurposeSignIn, "", home())
	w.told(err, ErrCodeClosed)
	w.now = closed
	w.inside(alice)
}

// TestRecoveryGoesOnWhenClosed: that is what such codes are for. The number bound
// then opens the step again.
func TestRecoveryGoesOnWhenClosed(t *testing.T) {
	for _, how := range []string{"recovery", "helpdesk", "helpdesk, first phone"} {
		t.Run(how, func(t *testing.T) {
			w := worldWith(t)
			code := w.recoveryCodes()[0].Group()
			if how == "helpdesk, first phone" {
				w.must(w.UnbindPhone(t.Context(), admin, alice))
			}
			if how != "recovery" {
				code = w.helpdesk()
			}
			w.close() // somebody goes on guessing
			in := w.signIn(alice).Session
			if how == "helpdesk, first phone" {
				_, err := w.SendCode(t.Context(), in, store.PurposeBind, phoneB, home())
				w.told(err, ErrCodeClosed)
			}
			e, err := w.EnterRecovery(t.Context(), in, code, home())
			w.must(err)
			w.ask(e.Session, store.PurposeBind, phoneB)
			_, err = w.enter(e.Session, store.PurposeBind, w.phone.code())
			w.must(err)
			w.inside(alice)
		})
	}
}

// close closes alice's SMS step as 20 wrong codes do.
func (w *world) close() {
	w.update(func(sw *store.Writer) error {
		a, err := sw.Account(alice)
		return errors.Join(err, sw.PutCodeState(a.ID, store.CodeState{ClosedUntil: w.now.Add(time.Hour)}))
	})
}

// TestCodeOpensNothingElse: a code opens the session, account, number and purpose
// that asked for it, whatever else waits for one.
func TestCodeOpensNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begin func(w *world) (asks, enters Session, p, as store.Purpose, number string)
	}{
		{"another session", func(w *world) (Session, Session, store.Purpose, store.Purpose, string) {
			return w.signIn(alice).Session, w.signIn(alice).Session, store.PurposeSignIn, store.PurposeSignIn, ""
		}},
		{"another account with the same number", func(w *world) (Session, Session, store.Purpose, store.Purpose, string) {
			w.addBound(bob, phoneA)
			return w.signIn(alice).Session, w.signIn(bob).Session, store.PurposeSignIn, store.PurposeSignIn, ""
		}},
		{"confirm, not change", func(w *world) (Session, Session, store.Purpose, store.Purpose, string) {
			in := w.inside(alice).Session
			return in, in, store.PurposeConfirm, store.PurposeChange, phoneB
		}},
		{"change, not confirm", func(w *world) (Session, Session, store.Purpose, store.Purpose, string) {
			in := w.inside(alice).Session
			return in, in, store.PurposeChange, store.PurposeConfirm, phoneB
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			asks, enters, p, as, number := tt.begin(w)
			w.ask(asks, p, number)
			code := w.phone.code()
			_, err := w.enter(enters, as, code) // where none is waited for
			w.told(err, ErrNoCode)
			w.ask(enters, as, number)
			if w.phone.code() == code {
				t.Fatal("the same code")
			}
			_, err = w.enter(enters, as, code)
			w.told(err, ErrWrongCode)
			if p != store.PurposeChange {
				_, err = w.enter(asks, p, code)
				w.must(err)
			}
		})
	}
	t.Run("another number", func(t *testing.T) { // of the account, behind the challenge's back
		w := worldWith(t)
		in := w.signIn(alice).Session
		w.ask(in, store.PurposeSignIn, "")
		w.update(func(sw *store.Writer) error {
			return sw.PutPhone(in.Account, store.Phone{Number: phoneB, Bound: w.now, BoundBy: admin})
		})
		_, err := w.enter(in, store.PurposeSignIn, w.phone.code())
		w.told(err, ErrNoCode)
	})
}

func TestEnterToSignIn(t *testing.T) {
	w := worldWith(t)
	first := w.signIn(alice)
	w.pass(2 * time.Minute)
	e := w.insideOf(first, false)
	if e.Session.Stage != store.StageIn || !e.Session.Fresh || e.Device == nil || e.Binding != nil ||
		!e.Cookie.Until.Equal(w.now.Add(12*time.Hour-2*time.Minute)) || e.Session.ID != first.Session.ID {
		t.Errorf("%+v", e)
	}
	if got := w.logins(); got != "SMS-CODE ok-code" {
		t.Errorf("logins: %s", got)
	}
}

func TestEnterToBind(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.Enforced = func(string, time.Time) bool { return true }
	w.must(w.ExpectPhone(t.Context(), admin, alice, phoneA))
	first := w.signIn(alice)
	w.ask(first.Session, store.PurposeBind, "138 1234 5678")
	e, err := w.enter(first.Session, store.PurposeBind, w.phone.code())
	w.must(err)
	if e.Session.Stage != store.StageIn || !e.Session.Fresh || e.Session.Required || !e.Session.Bound || e.Device != nil ||
		e.Binding == nil || e.Binding.Phone != "+86 138****5678" || e.Session.Device != first.Session.Device {
		t.Errorf("%+v", e)
	}
	p, err := w.RevealPhone(t.Context(), admin, alice)
	w.must(err)
	if p.Number != phoneA || p.BoundBy != "owner" || w.show().MainPassword != MainBound {
		t.Errorf("%+v", p)
	}
	w.ask(e.Session, store.PurposeChange, phoneB) // what was expected is bound, so that any other may be
}

func TestEnterToChange(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice)
	w.ask(in.Session, store.PurposeChange, phoneB)
	if w.phone.last().To != phoneB {
		t.Errorf("%v", w.phone.last())
	}
	e, err := w.enter(in.Session, store.PurposeChange, w.phone.code())
	w.must(err)
	if e.Session.Phone != store.MaskNumber(phoneB) || e.Binding == nil || !e.Binding.Changed {
		t.Errorf("%+v", e)
	}
}

func TestEnterToConfirm(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice)
	w.pass(20 * time.Minute)
	if s, err := w.find(in); err != nil || s.Fresh {
		t.Errorf("%+v, %v", s, err)
	}
	w.ask(in.Session, store.PurposeConfirm, "")
	e, err := w.enter(in.Session, store.PurposeConfirm, w.phone.code())
	w.must(err)
	if !e.Session.Fresh || !e.Session.Stepped.Equal(w.now) || e.Binding != nil || e.Device != nil {
		t.Errorf("%+v", e)
	}
}
