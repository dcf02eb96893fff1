package admin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// explaining is a door with somebody to ask; its accounts' clock is at *now.
func explaining(t *testing.T) (*door, *time.Time) {
	t.Helper()
	d := newDoor(t)
	now := d.accounts.Now()
	d.accounts.Now = func() time.Time { return now }
	d.decide(t)
	d.ask(t.Context(), 0, pathAccountAdd, `{"address":"alice@example.org"}`)
	return d, &now
}

// decide gives the door somebody to ask.
func (d *door) decide(t *testing.T) {
	t.Helper()
	pool := hasher.NewCounting()
	t.Cleanup(func() { pool.Close() })
	d.Policy = policy.New(d.accounts.Store, d.accounts.Keys, pool,
		policy.Rules{Enforced: func(string, time.Time) bool { return false }}, [32]byte{2}, d.accounts.Now)
}

func (d *door) appPassword(t *testing.T, scopes string) AppPasswordMade {
	t.Helper()
	var made AppPasswordMade
	w := d.ask(t.Context(), 0, pathAppPasswordAdd, `{"address":"alice@example.org","name":"phone","scopes":"`+scopes+`"}`)
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return made
}

// TestExplain: the helpdesk is told what each secret would get, and no secret.
func TestExplain(t *testing.T) {
	d, _ := explaining(t)
	both, smtp := d.appPassword(t, "imap,smtp"), d.appPassword(t, "smtp")
	addr := netip.MustParseAddr("192.0.2.7")
	refused := store.Event{Time: d.accounts.Now(), Kind: store.EventLogin, Outcome: store.Rejected, Reason: store.ReasonWrongSecret,
		Address: alice, Service: "imap", Addr: addr, Network: policy.Network(addr)}
	accepted := refused
	accepted.Outcome, accepted.Reason = store.Accepted, store.ReasonAppPassword
	if err := d.accounts.Store.WriteMerged(t.Context(), []store.Event{refused, accepted}, nil); err != nil {
		t.Fatal(err)
	}
	c := NewClient(InProcess(d, Identity{"helpdesk:helen", Helpdesk}))
	e, err := c.Explain(t.Context(), Explain{Address: "Alice@example.org", Service: "imap"})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]store.Reason)
	for _, s := range e.Secrets {
		name := string(s.Secret)
		if s.AppPassword != nil {
			name = s.AppPassword.ID.String()
		}
		got[name] = s.Reason
	}
	for name, want := range map[string]store.Reason{
		"main-password": store.ReasonNoMainPassword, both.ID.String(): store.ReasonAppPassword,
		smtp.ID.String(): store.ReasonScope, "any-other": store.ReasonWrongSecret,
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if e.Address != alice || e.Scope != "imap" || e.Refusal != d.cfg.Refusal() || e.Rehearsal != nil || len(e.Refusals) != 1 || e.Refusals[0].Outcome != store.Rejected {
		t.Errorf("%+v", e)
	}
	if e, err := c.Explain(t.Context(), Explain{Address: alice, Service: "imap", From: netip.MustParseAddr("198.51.100.1")}); err != nil || len(e.Refusals) != 0 {
		t.Errorf("refusals from elsewhere: %+v, %v", e.Refusals, err)
	}
	page, err := c.Events(t.Context(), Events{Address: alice, Limit: 1})
	if err != nil || page.Events[0].Kind == store.EventLoginRehearsed {
		t.Errorf("without a secret, an event was left: %+v, %v", page, err)
	}
	_, err = c.Explain(t.Context(), Explain{Address: "bob@example.org", Service: "imap"})
	if kindOf(err) != KindNotFound || !strings.Contains(err.(*Error).Hint, d.cfg.Refusal()) {
		t.Errorf("unknown account: %+v", err)
	}
	for _, service := range []string{"", "im\x1bap", strings.Repeat("x", 33)} {
		if _, err := c.Explain(t.Context(), Explain{Address: alice, Service: service}); kindOf(err) != KindBadRequest {
			t.Errorf("service %q: %v", service, err)
		}
	}
}

// TestExplainRehearses: each use with a secret is an event that says who tried, for
// what, and what came of it; the secret is nowhere.
func TestExplainRehearses(t *testing.T) {
	d, now := explaining(t)
	smtp := d.appPassword(t, "smtp")
	c := NewClient(InProcess(d, Identity{"helpdesk:helen", Helpdesk}))
	try := func(c *Client, address, service, typed string) (*Rehearsed, error) {
		e, err := c.Explain(t.Context(), Explain{Address: address, Service: service, From: netip.MustParseAddr("192.0.2.7"), Password: &Password{secret.New(typed)}})
		return e.Rehearsal, err
	}
	letters := smtp.Secret.Reveal()
	for _, tt := range []struct {
		service, typed string
		want           Rehearsed
		detail         string
	}{
		{"smtp", letters, Rehearsed{SecretApp, smtp.ID.String(), store.Accepted, store.ReasonAppPassword}, "smtp from 192.0.2.7: accepted, ok-app-password"},
		{"imap", letters, Rehearsed{SecretApp, smtp.ID.String(), store.Rejected, store.ReasonScope}, "imap from 192.0.2.7: rejected, scope"},
		{"imap", "wrong horse 42", Rehearsed{"", "", store.Rejected, store.ReasonNoMainPassword}, "imap from 192.0.2.7: rejected, no-main-password"},
	} {
		got, err := try(c, alice, tt.service, tt.typed)
		if err != nil || *got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.service, got, err, tt.want)
		}
		page, err := c.Events(t.Context(), Events{Address: alice, Limit: 1})
		if err != nil || len(page.Events) != 1 {
			t.Fatal(page, err)
		}
		e := page.Events[0]
		if e.Kind != store.EventLoginRehearsed || e.Actor != "helpdesk:helen" || e.Detail != tt.detail || e.Credential != tt.want.Credential {
			t.Errorf("%s: event %+v", tt.service, e)
		}
		*now = now.Add(time.Second)
	}
	if said := d.log.String(); strings.Contains(said, letters) || strings.Contains(said, "wrong horse") {
		t.Error("the log shows a secret")
	}
	if page, err := c.Events(t.Context(), Events{Address: alice}); err != nil || len(page.Events) != 5 {
		t.Errorf("account added, app password made and 3 rehearsals: %d events, %v", len(page.Events), err)
	}
	if _, err := try(c, "bob@example.org", "imap", letters); kindOf(err) != KindNotFound {
		t.Errorf("unknown account: %v", err)
	}
}

// TestExplainLimit: 5 in a minute on an account, whoever tries, and by whoever
// tries, on whatever account; what is over the limit leaves no event.
func TestExplainLimit(t *testing.T) {
	d, now := explaining(t)
	d.ask(t.Context(), 0, pathAccountAdd, `{"address":"bob@example.org"}`)
	try := func(actor store.Actor, address string) error {
		c := NewClient(InProcess(d, Identity{actor, Helpdesk}))
		_, err := c.Explain(t.Context(), Explain{Address: address, Service: "imap", Password: &Password{secret.New("a guess")}})
		return err
	}
	for i := range 5 {
		actor := store.Actor("helpdesk:helen")
		if i == 0 {
			actor = "helpdesk:hugo"
		}
		if err := try(actor, alice); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := try("root", alice); kindOf(err) != KindConflict || !strings.Contains(err.Error(), "on this account in this minute") {
		t.Errorf("a 6th on the account: %v", err)
	}
	if err := try("helpdesk:helen", "bob@example.org"); err != nil {
		t.Errorf("helen's 5th: %v", err)
	}
	if err := try("helpdesk:helen", "bob@example.org"); kindOf(err) != KindConflict || !strings.Contains(err.Error(), "by you in this minute") {
		t.Errorf("helen's 6th: %v", err)
	}
	if err := try("helpdesk:hugo", "bob@example.org"); err != nil {
		t.Errorf("what helen may not any more took nothing from bob's account: %v", err)
	}
	page, err := d.client(0).Events(t.Context(), Events{Address: alice})
	if err != nil || len(page.Events) != 1+5 {
		t.Errorf("%d events, %v", len(page.Events), err)
	}
	*now = now.Add(time.Minute)
	if err := try("root", alice); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
