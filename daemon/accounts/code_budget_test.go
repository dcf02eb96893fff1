package accounts

import (
	"errors"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

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
	type budget func(c *config.SMS) []*int
	perNumber := func(c *config.SMS) []*int { return []*int{&c.PerNumberDay} }
	perAccount := func(c *config.SMS) []*int { return []*int{&c.PerAccountDay} }
	perSource := func(c *config.SMS) []*int { return []*int{&c.PerSourceHour} }
	all := func(c *config.SMS) []*int { return []*int{&c.SignInPerHour, &c.BindingPerHour} }
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
		{"sign-in, all", all, hour,
			[2]asking{{bound1, "", net1, false}, {bound2, "", net2, false}}, asking{bound3, "", net3, false},
			[]asking{{free1, phoneA, net1, false}}},
		{"binding, all", all, hour,
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
			for _, limit := range tt.limit(&w.cfg.SMS) {
				*limit = 2
			}
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
