package accounts

import (
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

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
