package portal

import (
	"testing"

	"github.com/latchkey-mail/latchkey/store"
)

// TestSignInWithAlias: another name of the account opens the same account, whose
// address stands in the session and in its events.
func TestSignInWithAlias(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.must(w.Accounts.AddAlias(t.Context(), root, alice, "a.liddell@example.org"))
	c := w.client()
	if a := c.signIn("A.Liddell@example.org", good); a.Header().Get("Location") != pathSecurity {
		t.Fatalf("led to %q: %s", a.Header().Get("Location"), a.text())
	}
	if a := c.get(pathSecurity); a.Code != 200 {
		t.Errorf("the session does not hold: %d", a.Code)
	}
	w.must(w.Accounts.Flush(t.Context(), ""))
	page, err := w.Accounts.Store.Events(t.Context(), store.EventQuery{Address: alice, Limit: 1})
	w.must(err)
	if len(page) != 1 || page[0].Kind != store.EventLogin || page[0].Outcome != store.Accepted || page[0].Service != "portal" {
		t.Errorf("%+v", page)
	}
}
