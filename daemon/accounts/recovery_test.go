package accounts

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// helpdesk is a code of the helpdesk, as it is told on the telephone.
func (w *world) helpdesk() string {
	w.t.Helper()
	code, _, err := w.ResetPhone(w.t.Context(), "helpdesk:carol", alice, false)
	w.must(err)
	return code.Group()
}

// recoveryCodes are alice's new ones.
func (w *world) recoveryCodes() []secret.RecoveryCode {
	w.t.Helper()
	codes, err := w.MakeRecoveryCodes(w.t.Context(), w.inside(alice).Session, time.Time{})
	w.must(err)
	return codes
}

// recovered is a session in which a helpdesk code was given.
func (w *world) recovered() Entered {
	w.t.Helper()
	code := w.helpdesk()
	e, err := w.EnterRecovery(w.t.Context(), w.signIn(alice).Session, code, home())
	w.must(err)
	return e
}

func TestRecoveryCodes(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice)
	none, err := w.RecoveryCodesLeft(t.Context(), in.Session)
	w.must(err)
	old, err := w.MakeRecoveryCodes(t.Context(), in.Session, time.Time{})
	w.must(err)
	w.pass(time.Minute)
	codes, err := w.MakeRecoveryCodes(t.Context(), in.Session, w.now.Add(-time.Minute))
	w.must(err)
	made, err := w.RecoveryCodesLeft(t.Context(), in.Session)
	w.must(err)
	if none != (RecoveryState{}) || made != (RecoveryState{Left: 10, Of: 10, Made: w.now}) || len(codes) != 10 {
		t.Errorf("%+v, %+v, %d codes", none, made, len(codes))
	}
	for name, code := range map[string]string{"voided": old[0].Group(), "unknown": "aaaa-aaaa-aaaa"} {
		_, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, code, home())
		if got := w.told(err, ErrWrongRecovery).TriesLeft; got != 4 {
			t.Errorf("%s: %d tries left", name, got)
		}
	}
	for i, code := range codes {
		typed := strings.ToUpper(strings.ReplaceAll(code.Group(), "-", " "))
		first := w.signIn(alice)
		e, err := w.EnterRecovery(t.Context(), first.Session, typed, home())
		w.must(err)
		if e.Session.Stage != store.StageRebind || e.Session.Helpdesk || e.Device != nil || !e.Session.Stepped.IsZero() {
			t.Fatalf("%+v", e)
		}
		_, err = w.find(first)
		w.told(err, ErrSignedOut)
		_, err = w.EnterRecovery(t.Context(), w.signIn(alice).Session, typed, home())
		w.told(err, ErrWrongRecovery)
		left, err := w.RecoveryCodesLeft(t.Context(), in.Session)
		w.must(err)
		if left.Left != 9-i || left.Of != 10 {
			t.Errorf("%+v", left)
		}
	}
}

// TestRecoveryCodeWorksOnce: at once, too.
func TestRecoveryCodeWorksOnce(t *testing.T) {
	w := worldWith(t)
	for name, draw := range map[string]func() string{
		"recovery": func() string { return w.recoveryCodes()[3].Group() }, "helpdesk": w.helpdesk,
	} {
		code := draw()
		var sessions []Session
		for range 20 {
			sessions = append(sessions, w.signIn(alice).Session)
		}
		var wait sync.WaitGroup
		entered := make(chan struct{}, len(sessions))
		for _, in := range sessions {
			wait.Go(func() {
				if _, err := w.EnterRecovery(t.Context(), in, code, home()); err == nil {
					entered <- struct{}{}
				}
			})
		}
		wait.Wait()
		if len(entered) != 1 {
			t.Errorf("%s: taken %d times", name, len(entered))
		}
	}
}

// TestWrongRecoveryCodes: the fifth ends the session. What has not the form of a
// code is no try.
func TestWrongRecoveryCodes(t *testing.T) {
	w := worldWith(t)
	codes := w.recoveryCodes()
	e := w.signIn(alice)
	for left := 4; left >= 0; left-- {
		_, err := w.EnterRecovery(t.Context(), e.Session, "123456", home())
		if got := w.told(err, ErrWrongRecovery).TriesLeft; got != left+1 {
			t.Errorf("not its form: %d tries left", got)
		}
		_, err = w.EnterRecovery(t.Context(), e.Session, "aaaa-aaaa-aaaa", home())
		if got := w.told(err, ErrWrongRecovery).TriesLeft; got != left {
			t.Errorf("%d tries left, want %d", got, left)
		}
	}
	_, err := w.EnterRecovery(t.Context(), e.Session, codes[0].Group(), home())
	w.told(err, ErrSignedOut)
	if got := w.kinds(); !strings.HasSuffix(got, "login session-ended") {
		t.Errorf("events: %s", got)
	}
	if got, want := w.logins(), "SMS-CODE ok-code"+strings.Repeat(", RECOVERY-CODE wrong-code", 5); got != want {
		t.Errorf("logins: %s", got)
	}
	if _, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, codes[0].Group(), home()); err != nil {
		t.Error(err)
	}
}

func TestHelpdeskCode(t *testing.T) {
	for _, tt := range []struct {
		name  string
		then  func(w *world)
		works bool
		login string // the last
	}{
		{"at once", func(w *world) {}, true, "HELPDESK-CODE ok-helpdesk-code"},
		{"just before its end", func(w *world) { w.pass(30*time.Minute - time.Second) }, true, "HELPDESK-CODE ok-helpdesk-code"},
		{"at its end", func(w *world) { w.pass(30 * time.Minute) }, false, "HELPDESK-CODE code-expired"},
		{"four wrong before, in all", func(w *world) { w.wrongHelpdesk(4) }, true, "HELPDESK-CODE ok-helpdesk-code"},
		{"five wrong before, in all", func(w *world) { w.wrongHelpdesk(5) }, false, "RECOVERY-CODE wrong-code"},
		{"used", func(w *world) {
			_, err := w.EnterRecovery(w.t.Context(), w.signIn(alice).Session, w.given, home())
			w.must(err)
		}, false, "RECOVERY-CODE wrong-code"},
		{"another made", func(w *world) { w.helpdesk() }, false, "HELPDESK-CODE wrong-code"},
		{"password set in the same call", func(w *world) {
			_, err := w.SetPassword(w.t.Context(), admin, alice, secret.New("another password"), false)
			w.must(err)
		}, true, "HELPDESK-CODE ok-helpdesk-code"},
		{"phone bound by an administrator", func(w *world) {
			_, err := w.BindPhone(w.t.Context(), admin, alice, phoneB)
			w.must(err)
		}, false, "RECOVERY-CODE wrong-code"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			w.given = w.helpdesk()
			tt.then(w)
			e, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, w.given, home())
			if !tt.works {
				w.told(err, ErrWrongRecovery)
			} else if err != nil || e.Session.Stage != store.StageRebind || !e.Session.Helpdesk {
				t.Errorf("%+v, %v", e, err)
			}
			if got := w.logins(); !strings.HasSuffix(got, tt.login) {
				t.Errorf("logins: %s", got)
			}
		})
	}
}

// wrongHelpdesk enters wrong codes, each in a session of its own.
func (w *world) wrongHelpdesk(times int) {
	w.t.Helper()
	for range times {
		_, err := w.EnterRecovery(w.t.Context(), w.signIn(alice).Session, "aaaa-aaaa-aaaa", home())
		w.told(err, ErrWrongRecovery)
	}
}

func TestResetPhone(t *testing.T) {
	w := worldWith(t)
	app, _ := w.appPassword("phone", false, time.Time{})
	in := w.inside(alice)
	w.cuts = nil
	code, until, err := w.ResetPhone(t.Context(), "helpdesk:carol", alice, true)
	w.must(err)
	if !until.Equal(w.now.Add(30*time.Minute)) || strings.Contains(fmt.Sprint(code), code.Group()) {
		t.Errorf("%v until %s", code, until)
	}
	page, err := w.Events(t.Context(), EventQuery{Address: alice, Limit: 2})
	w.must(err)
	if made := page[1]; made.Kind != store.EventHelpdeskCodeMade || made.Actor != "helpdesk:carol" || strings.Contains(made.Detail, code.Group()) {
		t.Errorf("%+v", made)
	}
	_, err = w.find(in)
	w.told(err, ErrSignedOut)
	if p := w.show().AppPasswords[0]; p.ID != app || p.State != store.Revoked || w.account().Bound.IsZero() {
		t.Errorf("%+v", p)
	}
	_, _, err = w.ResetPhone(t.Context(), admin, "nobody@example.org", false)
	w.told(err, ErrNoAccount)
}

// TestRecoveredBindsAnotherNumber: that is all that such a session may do, and
// then it is in.
func TestRecoveredBindsAnotherNumber(t *testing.T) {
	for _, how := range []string{"recovery", "helpdesk"} {
		t.Run(how, func(t *testing.T) {
			w := worldWith(t)
			kept, _ := w.appPassword("kept", false, time.Time{})
			code := w.recoveryCodes()[0].Group()
			if how == "helpdesk" {
				code = w.helpdesk()
			}
			since := w.account().Bound
			w.pass(time.Minute)
			e, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, code, home())
			w.must(err)
			_, err = w.EnterRecovery(t.Context(), e.Session, code, home())
			w.told(err, ErrStage)
			w.ask(e.Session, store.PurposeBind, phoneB)
			w.cuts = nil
			other := w.signIn(alice)
			in, err := w.enter(e.Session, store.PurposeBind, w.phone.code())
			w.must(err)
			if in.Session.Stage != store.StageIn || in.Session.Helpdesk || !in.Session.Fresh || in.Session.Phone != store.MaskNumber(phoneB) ||
				in.Device == nil || in.Binding == nil || !in.Binding.Changed || len(in.Binding.Ended) != 0 {
				t.Errorf("%+v", in)
			}
			if !w.account().Bound.Equal(since) || w.show().AppPasswords[0].ID != kept || w.show().Live != 1 || len(w.cuts) != 0 {
				t.Errorf("%+v, cut: %q", w.show(), w.cuts)
			}
			if _, err := w.find(other); !errors.Is(err, ErrSignedOut) {
				t.Errorf("other sessions: %v", err)
			}
			if got := w.kinds(); !strings.HasSuffix(got, "code-sent login phone-bound") {
				t.Errorf("events: %s", got)
			}
		})
	}
}

// TestFirstPhoneNeedsHelpdesk: once bind_until is over.
func TestFirstPhoneNeedsHelpdesk(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.cfg.TwoStep.BindUntil = &config.Date{Year: 2026, Month: 11, Day: 30}
	code := w.helpdesk()
	e := w.signIn(alice)
	e, err := w.EnterRecovery(t.Context(), e.Session, code, home())
	w.must(err)
	if e.Session.Stage != store.StageIn || !e.Session.Helpdesk || e.Session.HelpdeskNeeded {
		t.Errorf("%+v", e)
	}
	_, err = w.EnterRecovery(t.Context(), e.Session, code, home())
	w.told(err, ErrStage)
	w.ask(e.Session, store.PurposeBind, phoneA)
	e, err = w.enter(e.Session, store.PurposeBind, w.phone.code())
	w.must(err)
	if e.Session.Helpdesk || e.Binding == nil || e.Binding.Changed {
		t.Errorf("%+v", e)
	}
	e, err = w.Unbind(t.Context(), e.Session)
	w.must(err)
	if !e.Session.HelpdeskNeeded {
		t.Errorf("again: %+v", e.Session)
	}
	_, err = w.SendCode(t.Context(), e.Session, store.PurposeBind, phoneA, home())
	w.told(err, ErrHelpdeskNeeded)
}

// TestDamagedCodes: what cannot be read opens nothing, and holds nothing up.
func TestDamagedCodes(t *testing.T) {
	w := worldWith(t)
	codes := w.recoveryCodes()
	id := w.account().ID
	w.damage(append(id[:], 'r'))
	_, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, codes[0].Group(), home())
	w.told(err, ErrWrongRecovery)
	code := w.helpdesk()
	w.damage(append(id[:], 'h'))
	_, err = w.EnterRecovery(t.Context(), w.signIn(alice).Session, code, home())
	w.told(err, ErrWrongRecovery)
	w.inside(alice)
	w.wrongRow(1)
	w.damage(append(id[:], 'k'))
	w.inside(alice)
}

// TestRecoveryCodesMadeAtOnce: of several forms that replace the same codes one
// makes new ones, and those that it shows work; also within one second.
func TestRecoveryCodesMadeAtOnce(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice)
	before := time.Time{}
	for round := range 3 {
		var made sync.Map
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				codes, err := w.MakeRecoveryCodes(t.Context(), in.Session, before)
				if err == nil {
					made.Store(i, codes)
				} else if !errors.Is(err, ErrCodesMade) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		var shown [][]secret.RecoveryCode
		made.Range(func(_, codes any) bool {
			shown = append(shown, codes.([]secret.RecoveryCode))
			return true
		})
		if len(shown) != 1 {
			t.Fatalf("round %d: codes were shown %d times", round, len(shown))
		}
		if _, err := w.EnterRecovery(t.Context(), w.signIn(alice).Session, shown[0][0].Group(), home()); err != nil {
			t.Errorf("round %d: a code that was shown: %v", round, err)
		}
		state, err := w.RecoveryCodesLeft(t.Context(), in.Session)
		w.must(err)
		if !state.Made.After(before) {
			t.Errorf("round %d: made %v, those before %v", round, state.Made, before)
		}
		before = state.Made
	}
}
