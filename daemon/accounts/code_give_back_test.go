package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
)

// errDown is how a sender fails.
var errDown = errors.New("gateway down")

// TestFailedSending: it costs the person nothing, and the code can be asked for
// again at once.
func TestFailedSending(t *testing.T) {
	for _, p := range []store.Purpose{store.PurposeSignIn, store.PurposeBind} {
		w := newWorld(t)
		if w.add(alice); p == store.PurposeSignIn {
			_, err := w.BindPhone(t.Context(), admin, alice, phoneA)
			w.must(err)
		}
		in := w.signIn(alice).Session
		w.phone.do = func() error { return errDown }
		before := w.dump()
		_, err := w.SendCode(t.Context(), in, p, phoneB, home())
		w.told(err, ErrSendFailed)
		if !errors.Is(err, errDown) || strings.Contains(err.Error(), phoneB) {
			t.Errorf("error = %v", err)
		}
		if !maps.Equal(before, w.dump()) {
			t.Errorf("%s: something was not given back", p)
		}
		if got := w.kinds(); !strings.HasSuffix(got, "code-failed") || strings.Contains(got, "code-sent") {
			t.Errorf("events: %s", got)
		}
		_, err = w.Challenge(t.Context(), in, p)
		w.told(err, ErrNoCode)
		w.phone.do = nil
		w.ask(in, p, phoneB) // at once
	}
}

// TestFailedSendingAgain: nor does that of a code that was sent before.
func TestFailedSendingAgain(t *testing.T) {
	w := worldWith(t)
	w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour, w.cfg.SMS.SignInPerHour = 2, 2, 2, 2
	in := w.signIn(alice).Session
	before := w.ask(in, store.PurposeSignIn, "")
	w.wrong(in, 2)
	w.pass(time.Minute)
	w.phone.do = func() error { return errDown }
	for range 3 {
		_, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home())
		w.told(err, ErrSendFailed)
	}
	before.TriesLeft = 3
	if c, err := w.Challenge(t.Context(), in, store.PurposeSignIn); err != nil || c != before {
		t.Errorf("%+v, %v; want %+v", c, err, before)
	}
	w.phone.do = nil
	w.ask(in, store.PurposeSignIn, "") // of each budget of two, one is left
}

// TestFailedSendingWithTries: tries meanwhile are not given back.
func TestFailedSendingWithTries(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	before := w.ask(in, store.PurposeSignIn, "")
	w.pass(time.Minute)
	w.phone.do = func() error { w.wrong(in, 1); return errDown }
	_, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home())
	w.told(err, ErrSendFailed)
	before.TriesLeft = 4
	if c, err := w.Challenge(t.Context(), in, store.PurposeSignIn); err != nil || c != before {
		t.Errorf("%+v, %v; want %+v", c, err, before)
	}
}

// TestFailedCorrection: the number before is the one that counts.
func TestFailedCorrection(t *testing.T) {
	w := newWorld(t)
	w.cfg.TwoStep.NewNumbersPerDay = 2
	w.add(alice)
	in := w.signIn(alice).Session
	before := w.ask(in, store.PurposeBind, phoneA)
	code := w.phone.code()
	w.pass(time.Minute)
	w.phone.do = func() error { return errDown }
	_, err := w.SendCode(t.Context(), in, store.PurposeBind, phoneB, home())
	w.told(err, ErrSendFailed)
	if c, err := w.Challenge(t.Context(), in, store.PurposeBind); err != nil || c != before {
		t.Errorf("%+v, %v; want %+v", c, err, before)
	}
	w.phone.do = nil
	w.ask(in, store.PurposeBind, phoneC) // the second number of the day
	_, err = w.enter(in, store.PurposeBind, code)
	w.told(err, ErrWrongCode)
}

// TestMeanwhile: what happened to a challenge while its code was on its way stays
// although the sending failed.
func TestMeanwhile(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(w *world, e Entered)
		then func(w *world, e Entered)
	}{
		{"entered", func(w *world, e Entered) {
			_, err := w.enter(e.Session, store.PurposeSignIn, w.codeOf(e.Session, store.PurposeSignIn))
			w.must(err)
		}, func(w *world, e Entered) {
			if got := w.logins(); got != "SMS-CODE ok-code" {
				w.t.Errorf("logins: %s", got)
			}
		}},
		{"a wrong one entered", func(w *world, e Entered) {
			_, err := w.enter(e.Session, store.PurposeSignIn, otherCode(w.codeOf(e.Session, store.PurposeSignIn)))
			w.told(err, ErrWrongCode)
		}, func(w *world, e Entered) {
			if c := w.ask(e.Session, store.PurposeSignIn, ""); c.TriesLeft != 5 { // of another code: nobody got the first
				w.t.Errorf("%+v", c)
			}
		}},
		{"signed out", func(w *world, e Entered) { w.must(w.SignOut(w.t.Context(), e.Session)) }, func(w *world, e Entered) {
			_, err := w.find(e)
			w.told(err, ErrSignedOut)
		}},
		{"account deleted", func(w *world, e Entered) { w.must(w.Delete(w.t.Context(), admin, alice)) }, func(w *world, e Entered) {
			_, err := w.Show(w.t.Context(), alice)
			w.told(err, ErrNoAccount)
		}},
		{"account made anew", func(w *world, e Entered) {
			w.must(w.Delete(w.t.Context(), admin, alice))
			w.addBound(alice, phoneB)
		}, func(w *world, e Entered) {
			if w.show().Phone != store.MaskNumber(phoneB) {
				w.t.Errorf("%+v", w.show())
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			e := w.signIn(alice)
			w.phone.do = func() error { tt.do(w, e); return errDown }
			_, err := w.SendCode(t.Context(), e.Session, store.PurposeSignIn, "", home())
			w.told(err, ErrSendFailed)
			w.phone.do = nil
			tt.then(w, e)
			for key := range w.dump() {
				if key[0] == 'q' && tt.name != "a wrong one entered" {
					t.Errorf("a budget is not whole: %x", key)
				}
			}
		})
	}
}

// codeOf is the code of a challenge that is on its way.
func (w *world) codeOf(in Session, p store.Purpose) string {
	var code [6]byte
	w.view(func(r *store.Reader) error {
		c, err := r.Challenge(in.Account, in.ID, p)
		code = w.Keys.Code(c.ID)
		return err
	})
	return string(code[:])
}

// TestConcurrentSendings: two sendings of one challenge that are on their way at
// once are two, and the one that fails gives back its own only.
func TestConcurrentSendings(t *testing.T) {
	for name, fails := range map[string]bool{"both leave": false, "the first fails": true} {
		t.Run(name, func(t *testing.T) {
			w := worldWith(t)
			w.cfg.TwoStep.ResendAfter = 0
			in := w.signIn(alice).Session
			started, second := make(chan struct{}), make(chan struct{})
			var once sync.Once
			w.phone.do = func() error {
				first := false
				once.Do(func() { first = true })
				if !first {
					return nil
				}
				close(started)
				<-second
				if fails {
					return errDown
				}
				return nil
			}
			done := make(chan error)
			go func() {
				_, err := w.SendCode(context.Background(), in, store.PurposeSignIn, "", home())
				done <- err
			}()
			<-started
			if c := w.ask(in, store.PurposeSignIn, ""); c.SendingsLeft != 1 {
				t.Errorf("%+v", c)
			}
			close(second)
			left := 1
			if err := <-done; fails {
				w.told(err, ErrSendFailed)
				left = 2
			} else if err != nil {
				t.Error(err)
			}
			if c, err := w.Challenge(t.Context(), in, store.PurposeSignIn); err != nil || c.SendingsLeft != left {
				t.Errorf("%+v, %v", c, err)
			}
			if _, err := w.enter(in, store.PurposeSignIn, w.phone.code()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhoeverHangsUp: somebody who hangs up while a message is on its way pays
// for it all the same.
func TestWhoeverHangsUp(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	ctx, hangUp := context.WithCancel(t.Context())
	w.Sender = func() sms.Sender {
		return senderFunc(func(ctx context.Context) error {
			hangUp()
			return ctx.Err()
		})
	}
	if c, err := w.SendCode(ctx, in, store.PurposeSignIn, "", home()); err != nil || c.SendingsLeft != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

// senderFunc is a sender that looks at no message.
type senderFunc func(ctx context.Context) error

func (f senderFunc) Send(ctx context.Context, _ sms.Message) error { return f(ctx) }

// TestLateGateway: a message that may have left costs the person nothing, and
// the site's ceilings all the same: a gateway that answers too late must not be
// made to send for ever.
func TestLateGateway(t *testing.T) {
	for name, tt := range map[string]struct {
		failure error
		want    error // after as many failures as the source may have messages
	}{
		"refused":                 {sms.ErrRefused, nil},
		"not reached":             {fmt.Errorf("%w: %w", sms.ErrUnreached, context.DeadlineExceeded), nil},
		"no answer":               {sms.ErrNoAnswer, ErrBudget},
		"an error of the gateway": {sms.ErrUnclear, ErrBudget},
		"one of two, unclear":     {errors.Join(sms.ErrUnclear, sms.ErrRefused), ErrBudget},
		"one of two, no answer":   {errors.Join(sms.ErrNoAnswer, sms.ErrUnreached), ErrBudget},
		"one of two, not asked":   {errors.Join(sms.ErrUnreached, sms.ErrRefused), nil},
		"stopped before anybody":  {context.Canceled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldWith(t)
			w.cfg.SMS.PerSourceHour = 3
			in := w.signIn(alice).Session
			w.phone.do = func() error { return tt.failure }
			before := w.dump()
			for range 3 {
				if _, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home()); !errors.Is(err, ErrSendFailed) {
					t.Fatal(err)
				}
			}
			left := w.dump()
			maps.DeleteFunc(left, func(key, value string) bool { return before[key] == value })
			site := 0 // ceilings: of the source, and of all
			if tt.want != nil {
				site = 2
			}
			for key := range left {
				if key[0] != 'q' {
					t.Errorf("not given back: %x", key)
				}
			}
			if len(left) != site {
				t.Errorf("%d records are left, want %d", len(left), site)
			}
			w.phone.do = nil
			if _, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home()); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestNumbersAreNotProbed: who tries numbers to find the one that is expected
// learns no more of the day's fourth, not even that it is the one.
func TestNumbersAreNotProbed(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.must(w.ExpectPhone(t.Context(), admin, alice, phoneD))
	in := w.signIn(alice).Session
	for _, number := range []string{phoneA, phoneB, phoneC} {
		if _, err := w.SendCode(t.Context(), in, store.PurposeBind, number, home()); !errors.Is(err, ErrNumberExpected) {
			t.Errorf("%s: %v", number, err)
		}
	}
	for _, number := range []string{phoneD, "+8613512345678"} {
		if _, err := w.SendCode(t.Context(), in, store.PurposeBind, number, home()); !errors.Is(err, ErrTooManyNumbers) {
			t.Errorf("the fourth, %s: %v", number, err)
		}
	}
	if len(w.phone.sent) > 0 {
		t.Errorf("sent: %v", w.phone.sent)
	}
	w.now = w.now.Add(24 * time.Hour)
	in = w.signIn(alice).Session
	if _, err := w.SendCode(t.Context(), in, store.PurposeBind, phoneD, home()); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

// TestMinutesLeft: a text names the time that its code still has.
func TestMinutesLeft(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	for _, want := range []int{5, 4, 3} {
		if _, err := w.SendCode(t.Context(), in, store.PurposeSignIn, "", home()); err != nil {
			t.Fatal(err)
		}
		if got := w.phone.sent[len(w.phone.sent)-1].Minutes; got != want {
			t.Errorf("%d minutes, want %d", got, want)
		}
		w.now = w.now.Add(time.Minute)
	}
}
