package daemon

import (
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// A day that has begun stays begun when the clock is set back, also over a
// restart; one that the configuration moves further on does not.
func TestEnforcementOutlivesTheClock(t *testing.T) {
	keys, err := secret.NewKeys([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	before, after := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	now := before
	clock := func() time.Time { return now }
	st, err := store.Open(t.Context(), memkv.New(), keys, store.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	cfg := config.Default()
	cfg.TwoStep.Timezone = "UTC"
	cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 12, Day: 1}
	cfg.TwoStep.Domains = map[string]config.Date{"never.example": {}, "later.example": {Year: 2027, Month: 1, Day: 1}}
	open := func() *enforcement {
		e, err := openEnforcement(t.Context(), st, func() *config.Config { return cfg }, clock)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.note(t.Context()); err != nil {
			t.Fatal(err)
		}
		return e
	}
	expect := func(when string, e *enforcement, domain string, want bool) {
		t.Helper()
		if got := e.required(domain, now); got != want {
			t.Errorf("%s: %s is required %v, want %v", when, domain, got, want)
		}
	}

	e := open()
	expect("before", e, "example.org", false)
	now = after
	expect("at midnight, not noted yet", e, "example.org", true)
	if err := e.note(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = before
	expect("clock set back", e, "example.org", true)
	e = open()
	expect("after a restart", e, "example.org", true)
	expect("after a restart", e, "never.example", false)
	expect("after a restart", e, "later.example", false)
	cfg.TwoStep.EnforceFrom = &config.Date{Year: 2027, Month: 6, Day: 1}
	expect("moved by the administrator", e, "example.org", false)
	cfg.TwoStep.EnforceFrom = nil
	expect("taken away", e, "example.org", false)

	events, err := st.Events(t.Context(), store.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Kind != store.EventEnforcementReached {
		t.Errorf("events: %+v", events)
	}
}
