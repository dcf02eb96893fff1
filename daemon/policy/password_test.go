package policy_test

import (
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// TestDecidePassword: what came without a mechanism is decided as what PLAIN hands over.
func TestDecidePassword(t *testing.T) {
	w := newWorld(t)
	letters := w.appPassword(1, store.ScopeAll, nil)
	for _, c := range []struct {
		name, secret, prepared string
		want                   store.Reason
	}{
		{address, letters, address, store.ReasonAppPassword},
		{"Zhang", letters, address, store.ReasonAppPassword},
		{"ZHANG＠example.org", right, address, store.ReasonMainPassword},
		{"zhang@example.net", letters, "zhang@example.net", store.ReasonUnknownAccount},
		{"zhang@example.org@example.org", letters, "", store.ReasonUnknownAccount},
		{"zhang\x00", letters, "", store.ReasonMalformed},
		{address, "\xff", "", store.ReasonMalformed},
		{"", letters, "", store.ReasonMalformed},
		{address, "", "", store.ReasonMalformed},
	} {
		v := w.policy.DecidePassword(t.Context(), &policy.Password{
			Name: c.name, Secret: secret.New(c.secret), DefaultDomain: "example.org",
			Received: time.Now(), FailureDelay: time.Hour, Facts: attempt("", "").Facts,
		})
		if v.Reason != c.want || v.Name != c.prepared || v.Outcome == store.Undecided {
			t.Errorf("%q, %q: %+v", c.name, c.secret, v)
		}
	}
}
