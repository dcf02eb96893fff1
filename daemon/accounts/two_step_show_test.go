package accounts

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// stands is how alice does.
func (w *world) stands() TwoStep {
	w.t.Helper()
	x, err := w.TwoStep(w.t.Context(), alice)
	w.must(err)
	return x
}

// TestTwoStepRules: required of the domain, of all or of nobody, and not of who is
// excepted; whatever the daemon remembers of the clock.
func TestTwoStepRules(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	if got := w.stands(); !reflect.DeepEqual(got, TwoStep{}) {
		t.Errorf("no rules: %+v", got)
	}
	day := func(d int) *config.Date { return &config.Date{Year: 2026, Month: 12, Day: d} }
	start := func(d int) time.Time { return time.Date(2026, 12, d, 0, 0, 0, 0, time.UTC) }
	two := &w.cfg.TwoStep
	two.EnforceFrom, two.BindUntil = day(2), day(3)
	if got := w.stands(); got.Required || !got.RequiredFrom.Equal(start(2)) || !got.BindUntil.Equal(start(3)) {
		t.Errorf("from tomorrow: %+v", got)
	}
	two.Domains = map[string]config.Date{"example.org": *day(1)}
	if got := w.stands(); !got.Required || !got.RequiredFrom.Equal(start(1)) {
		t.Errorf("the domain since today: %+v", got)
	}
	w.must(w.Exempt(t.Context(), admin, alice, w.now.Add(time.Hour), "because"))
	if got := w.stands(); got.Required || !got.RequiredFrom.Equal(start(1)) {
		t.Errorf("excepted: %+v", got)
	}
	w.must(w.Unexempt(t.Context(), admin, alice))
	two.Domains["example.org"] = config.Date{}
	if got := w.stands(); got.Required || !got.RequiredFrom.IsZero() {
		t.Errorf("the domain never: %+v", got)
	}
	w.Enforced = func(string, time.Time) bool { return true }
	if got := w.stands(); !got.Required {
		t.Errorf("the day was reached before: %+v", got)
	}
	if _, err := w.TwoStep(t.Context(), "nobody@example.org"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("nobody: %v", err)
	}
}

// put writes one of everything that hangs below alice, and something of each that
// is over.
func (w *world) put() {
	id, now := w.account().ID, w.now
	w.must(w.Store.Update(w.t.Context(), func(sw *store.Writer) error {
		put := []error{
			sw.PutExpectedPhone(id, store.ExpectedPhone{Number: "+8613812345678", Made: now, By: admin}),
			sw.PutCodeState(id, store.CodeState{Wrong: 20, ClosedUntil: now.Add(time.Hour)}),
			sw.PutHelpdeskCode(id, store.HelpdeskCode{Tag: [16]byte{1}, Made: now, Until: now.Add(30 * time.Minute), By: admin}),
			sw.PutRecoveryCodes(id, store.RecoveryCodes{Made: now, Codes: []store.RecoveryCode{{Tag: [16]byte{1}}, {Tag: [16]byte{2}, Used: now}, {Tag: [16]byte{3}}}}),
		}
		for i, last := range []time.Time{now, now.Add(-8 * 24 * time.Hour), now} {
			d := store.Device{ID: store.DeviceID{byte(i + 1)}, Account: id, Tag: [16]byte{1}, First: last, Last: last}
			if i == 0 {
				d.Trusted, d.TrustedUntil = now, now.Add(time.Hour)
			}
			put = append(put, sw.PutDevice(d))
		}
		for i, seen := range []time.Time{now, now.Add(-31 * time.Minute)} {
			put = append(put, sw.PutSession(store.Session{ID: store.SessionID{byte(i + 1)}, Account: id, Address: alice, Tag: [16]byte{1},
				Stage: store.StageIn, Made: seen, Seen: seen}))
		}
		return errors.Join(put...)
	}))
}

func TestTwoStepRecords(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.put()
	want := TwoStep{
		Expected:    &Expected{Phone: "+86 138****5678", Made: w.now, By: admin},
		ClosedUntil: w.now.Add(time.Hour), HelpdeskCodeUntil: w.now.Add(30 * time.Minute),
		RecoveryCodes: 3, RecoveryCodesLeft: 2, Browsers: 2, Trusted: 1, Sessions: 1,
	}
	if got := w.stands(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	w.now = w.now.Add(time.Hour) // what was trusted, open, closed or awaited is no more
	want.ClosedUntil, want.HelpdeskCodeUntil, want.Trusted, want.Sessions = time.Time{}, time.Time{}, 0, 0
	if got := w.stands(); !reflect.DeepEqual(got, want) {
		t.Errorf("an hour later: %+v", got)
	}
}

// TestTwoStepDamaged: what cannot be read is named, and hides nothing else.
func TestTwoStepDamaged(t *testing.T) {
	for suffix, record := range map[string]string{"y": "expected number", "k": "state of codes", "h": "helpdesk code", "r": "recovery codes",
		"d\x01\x00\x00\x00\x00\x00\x00\x00": "browsers", "s\x01\x00\x00\x00\x00\x00\x00\x00": "sessions"} {
		w := newWorld(t)
		w.add(alice)
		w.put()
		id := w.account().ID
		w.damage(append(id[:], suffix...))
		got := w.stands()
		if !slices.Equal(got.Damaged, []string{record}) {
			t.Errorf("%s: damaged %v", record, got.Damaged)
		}
		whole := 0
		for _, there := range []bool{got.Expected != nil, !got.ClosedUntil.IsZero(), !got.HelpdeskCodeUntil.IsZero(), got.RecoveryCodesLeft == 2, got.Browsers == 2, got.Sessions == 1} {
			if there {
				whole++
			}
		}
		if whole != 5 {
			t.Errorf("%s: %+v", record, got)
		}
	}
}
