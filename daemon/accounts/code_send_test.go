package accounts

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
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

// TestCorrectedNumber: a number that was mistyped can be corrected, which gives
// another code, and neither tries nor time.
func TestCorrectedNumber(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	e := w.signIn(alice)
	first := w.ask(e.Session, store.PurposeBind, phoneA)
	code := w.phone.code()
	_, err := w.enter(e.Session, store.PurposeBind, otherCode(code))
	w.told(err, ErrWrongCode)
	w.pass(time.Minute)
	c := w.ask(e.Session, store.PurposeBind, phoneB)
	if c.Phone != store.MaskNumber(phoneB) || c.TriesLeft != 4 || c.SendingsLeft != 1 || !c.Expires.Equal(first.Expires) ||
		w.phone.last().To != phoneB || w.phone.code() == code {
		t.Errorf("%+v", c)
	}
	_, err = w.enter(e.Session, store.PurposeBind, code) // what went to the other number
	w.told(err, ErrWrongCode)
	w.pass(time.Minute)
	if c = w.ask(e.Session, store.PurposeBind, ""); c.Phone != store.MaskNumber(phoneB) {
		t.Errorf("again: %+v", c)
	}
	entered, err := w.enter(e.Session, store.PurposeBind, w.phone.code())
	w.must(err)
	if entered.Binding.Phone != store.MaskNumber(phoneB) {
		t.Errorf("%+v", entered.Binding)
	}
}

func TestWhichNumbersMayBeNamed(t *testing.T) {
	share := func(n int) func(w *world) {
		return func(w *world) {
			for _, name := range []string{"a", "b", "c", "d", "e"}[:n] {
				w.addBound(name+"@example.org", phoneB)
			}
		}
	}
	expect := func(number string) func(w *world) {
		return func(w *world) { w.must(w.ExpectPhone(w.t.Context(), admin, alice, number)) }
	}
	for _, tt := range []struct {
		name   string
		setup  func(w *world)
		number string
		want   error
	}{
		{"none", nil, "", ErrNumber},
		{"no number", nil, "hello", ErrNumber},
		{"a landline", nil, "+86 10 6255 2288", ErrNumber},
		{"abroad", nil, "+852 9123 4567", ErrCountry},
		{"abroad, allowed", func(w *world) { w.cfg.TwoStep.Countries = []string{"CN", "HK"} }, "+852 9123 4567", nil},
		{"at home, only abroad is allowed", func(w *world) { w.cfg.TwoStep.Countries = []string{"HK"} }, phoneB, ErrCountry},
		{"of four accounts", share(4), phoneB, nil},
		{"of five accounts", share(5), phoneB, ErrNumberTaken},
		{"expected", expect(phoneB), "139 8765 4321", nil},
		{"another is expected", expect(phoneC), phoneB, ErrNumberExpected},
		{"expected, but not to be read", func(w *world) {
			expect(phoneB)(w)
			id := w.account().ID
			w.damage(append(id[:], 'y'))
		}, phoneB, ErrDamaged},
		{"the helpdesk is needed", func(w *world) { w.cfg.TwoStep.BindUntil = &config.Date{Year: 2026, Month: 11, Day: 30} }, phoneB, ErrHelpdeskNeeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			if tt.setup != nil {
				tt.setup(w)
			}
			_, err := w.SendCode(t.Context(), w.signIn(alice).Session, store.PurposeBind, tt.number, home())
			if tt.want == nil {
				w.must(err)
			} else {
				w.told(err, tt.want)
			}
			if (len(w.phone.sent) == 1) != (tt.want == nil) {
				t.Errorf("%d sent", len(w.phone.sent))
			}
		})
	}
}

// TestNumberIsCheckedAgain: what was allowed when the code was sent may not be
// any more when it is entered.
func TestNumberIsCheckedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(w *world)
		want      error
	}{
		"another number is expected": {func(w *world) { w.must(w.ExpectPhone(w.t.Context(), admin, alice, phoneC)) }, ErrNumberExpected},
		"bound by others": {func(w *world) {
			w.cfg.TwoStep.AccountsPerNumber = 1
			w.addBound(bob, phoneB)
		}, ErrNumberTaken},
		"the day has come": {func(w *world) { w.cfg.TwoStep.BindUntil = &config.Date{Year: 2026, Month: 11, Day: 30} }, ErrHelpdeskNeeded},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			e := w.signIn(alice)
			w.ask(e.Session, store.PurposeBind, phoneB)
			tt.meanwhile(w)
			_, err := w.enter(e.Session, store.PurposeBind, w.phone.code())
			w.told(err, tt.want)
			if !w.account().Bound.IsZero() {
				t.Error("bound")
			}
		})
	}
}

func TestNewNumbersOfADay(t *testing.T) {
	w := newWorld(t)
	w.cfg.TwoStep.Timezone = "Asia/Shanghai" // it is 16:00 there
	w.cfg.TwoStep.ResendAfter = 0
	w.add(alice)
	for _, number := range []string{phoneA, phoneB, phoneA, phoneC} { // one of them twice
		w.ask(w.signIn(alice).Session, store.PurposeBind, number)
	}
	e := w.signIn(alice)
	_, err := w.SendCode(t.Context(), e.Session, store.PurposeBind, phoneD, home())
	midnight := time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC)
	if got := w.told(err, ErrTooManyNumbers).Until; !got.Equal(midnight) {
		t.Errorf("until %s", got)
	}
	w.ask(e.Session, store.PurposeBind, phoneB)
	w.now = midnight.Add(-time.Second)
	_, err = w.SendCode(t.Context(), w.signIn(alice).Session, store.PurposeBind, phoneD, home())
	w.told(err, ErrTooManyNumbers)
	w.now = midnight
	w.ask(w.signIn(alice).Session, store.PurposeBind, phoneD)
}

// asking is one code that somebody asks for: to sign in where a phone is bound,
// else to bind number; or to change to number.
type asking struct {
	account, number, network string
	change                   bool
}

// begin makes the session that asks.
func (w *world) begin(a asking) Session {
	w.t.Helper()
	in := w.signIn(a.account).Session
	if !a.change {
		return in
	}
	w.update(func(sw *store.Writer) error { // as after a code, which would cost one
		record, err := sw.Session(in.Account, in.ID)
		record.Stage, record.Stepped = store.StageIn, w.now
		return errors.Join(err, sw.PutSession(record))
	})
	in.Stage = store.StageIn
	return in
}

func (w *world) askFor(a asking, in Session) error {
	p := store.PurposeSignIn
	switch {
	case a.change:
		p = store.PurposeChange
	case !in.Bound:
		p = store.PurposeBind
	}
	b := home()
	b.Network = netip.MustParsePrefix(a.network + "/32")
	_, err := w.SendCode(w.t.Context(), in, p, a.number, b)
	return err
}

// TestBudgets spends each budget to its end. Then one more is refused until the
// window is over, and takes nothing. Others go on: those whose budget it is not,
// and the same account, number and source in the other class.
func TestBudgets(t *testing.T) {
	const bound1, bound2, bound3 = bob, "carol@example.org", "dave@example.org" // to phoneB, phoneB, phoneC
	const free1, free2 = alice, "erin@example.org"
	const net1, net2, net3 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	hour, midnight := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
	type budget func(c *config.SMS) *int
	perNumber, perAccount := func(c *config.SMS) *int { return &c.PerNumberDay }, func(c *config.SMS) *int { return &c.PerAccountDay }
	perSource := func(c *config.SMS) *int { return &c.PerSourceHour }
	for _, tt := range []struct {
		name    string
		limit   budget
		until   time.Time
		spent   [2]asking
		refused asking
		goesOn  []asking
	}{
		{"sign-in, number", perNumber, midnight,
			[2]asking{{bound1, "", net1, false}, {bound1, "", net2, false}}, asking{bound2, "", net3, false},
			[]asking{{bound3, "", net1, false}, {free1, phoneB, net1, false}}},
		{"binding, number", perNumber, midnight,
			[2]asking{{free1, phoneB, net1, false}, {free1, phoneB, net2, false}}, asking{free2, phoneB, net3, false},
			[]asking{{free1, phoneA, net1, false}, {bound1, "", net1, false}}},
		{"sign-in, account", perAccount, midnight,
			[2]asking{{bound1, "", net1, false}, {bound1, "", net2, false}}, asking{bound1, "", net3, false},
			[]asking{{bound2, "", net1, false}, {bound1, phoneA, net1, true}}},
		{"binding, account", perAccount, midnight,
			[2]asking{{bound1, phoneA, net1, true}, {bound1, phoneD, net2, true}}, asking{bound1, phoneC, net3, true},
			[]asking{{free1, phoneC, net1, false}, {bound1, "", net1, false}}},
		{"sign-in, source", perSource, hour,
			[2]asking{{bound1, "", net1, false}, {bound2, "", net1, false}}, asking{bound3, "", net1, false},
			[]asking{{bound3, "", net2, false}, {free1, phoneA, net1, false}}},
		{"binding, source", perSource, hour,
			[2]asking{{free1, phoneA, net1, false}, {free2, phoneD, net1, false}}, asking{bound3, phoneA, net1, true},
			[]asking{{bound3, phoneA, net2, true}, {bound1, "", net1, false}}},
		{"sign-in, all", func(c *config.SMS) *int { return &c.SignInPerHour }, hour,
			[2]asking{{bound1, "", net1, false}, {bound2, "", net2, false}}, asking{bound3, "", net3, false},
			[]asking{{free1, phoneA, net1, false}}},
		{"binding, all", func(c *config.SMS) *int { return &c.BindingPerHour }, hour,
			[2]asking{{free1, phoneA, net1, false}, {free2, phoneD, net2, false}}, asking{bound3, phoneA, net3, true},
			[]asking{{bound3, "", net1, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for account, number := range map[string]string{bound1: phoneB, bound2: phoneB, bound3: phoneC} {
				w.addBound(account, number)
			}
			w.add(free1)
			w.add(free2)
			*tt.limit(&w.cfg.SMS) = 2
			for _, a := range tt.spent {
				w.must(w.askFor(a, w.begin(a)))
			}
			in := w.begin(tt.refused)
			before := w.dump()
			if got := w.told(w.askFor(tt.refused, in), ErrBudget).Until; !got.Equal(tt.until) {
				t.Errorf("until %s", got)
			}
			if !maps.Equal(before, w.dump()) {
				t.Error("a refusal took something")
			}
			for _, a := range tt.goesOn {
				if err := w.askFor(a, w.begin(a)); err != nil {
					t.Errorf("%+v: %v", a, err)
				}
			}
			w.now = tt.until.Add(-time.Second)
			w.told(w.askFor(tt.refused, w.begin(tt.refused)), ErrBudget)
			w.now = tt.until
			w.must(w.askFor(tt.refused, w.begin(tt.refused)))
		})
	}
}

// TestFailedSendingCostsNothing: for a code that is new, one that is sent again,
// and one that is corrected.
func TestFailedSendingCostsNothing(t *testing.T) {
	broken := errors.New("gateway down")
	t.Run("new", func(t *testing.T) {
		for _, p := range []store.Purpose{store.PurposeSignIn, store.PurposeBind} {
			w := newWorld(t)
			if w.add(alice); p == store.PurposeSignIn {
				_, err := w.BindPhone(t.Context(), admin, alice, phoneA)
				w.must(err)
			}
			in := w.signIn(alice).Session
			w.phone.do = func() error { return broken }
			before := w.dump()
			_, err := w.SendCode(t.Context(), in, p, phoneB, home())
			w.told(err, ErrSendFailed)
			if !errors.Is(err, broken) || strings.Contains(err.Error(), phoneB) {
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
	})
	t.Run("again", func(t *testing.T) {
		w := worldWith(t)
		w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour, w.cfg.SMS.SignInPerHour = 2, 2, 2, 2
		in := w.signIn(alice).Session
		before := w.ask(in, store.PurposeSignIn, "")
		w.wrong(in, 2)
		w.pass(time.Minute)
		w.phone.do = func() error { return broken }
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
	})
	t.Run("corrected", func(t *testing.T) {
		w := newWorld(t)
		w.cfg.TwoStep.NewNumbersPerDay = 2
		w.add(alice)
		in := w.signIn(alice).Session
		before := w.ask(in, store.PurposeBind, phoneA)
		code := w.phone.code()
		w.pass(time.Minute)
		w.phone.do = func() error { return broken }
		_, err := w.SendCode(t.Context(), in, store.PurposeBind, phoneB, home())
		w.told(err, ErrSendFailed)
		if c, err := w.Challenge(t.Context(), in, store.PurposeBind); err != nil || c != before {
			t.Errorf("%+v, %v; want %+v", c, err, before)
		}
		w.phone.do = nil
		w.ask(in, store.PurposeBind, phoneC) // the second number of the day
		_, err = w.enter(in, store.PurposeBind, code)
		w.told(err, ErrWrongCode)
	})
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
			w.phone.do = func() error { tt.do(w, e); return errors.New("gateway down") }
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
					return errors.New("gateway down")
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
	w.Send = func(ctx context.Context, m sms.Message) error {
		hangUp()
		return ctx.Err()
	}
	if c, err := w.SendCode(ctx, in, store.PurposeSignIn, "", home()); err != nil || c.SendingsLeft != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestNoSender(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	w.Send = nil
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
