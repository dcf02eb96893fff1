package policy_test

import (
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
)

// TestAlias: another name of the account is decided as the account's own, for one
// verdict and for what is remembered.
func TestAlias(t *testing.T) {
	const alias = "a@example.net"
	w := newWorld(t)
	letters := w.appPassword(1, store.ScopeAll, nil)
	w.change(func(*store.Account) {})
	err := w.store.Update(t.Context(), func(tx *store.Writer) error {
		a, err := tx.Account(address)
		if err != nil {
			return err
		}
		return tx.AddAlias(a, store.Alias{Name: alias, Made: w.now})
	})
	if err != nil {
		t.Fatal(err)
	}
	decide := func(name, password string) policy.Verdict {
		v := w.policy.Decide(t.Context(), attempt(name, password))
		if v.Name != name || v.Login.Address != address || !v.Known {
			t.Errorf("%s: %+v", name, v)
		}
		return v
	}
	if v := decide(alias, letters); v.Outcome != store.Accepted || v.Reason != store.ReasonAppPassword {
		t.Errorf("app password: %+v", v)
	} else if again := w.policy.Again(t.Context(), v.Login); again.Outcome != store.Accepted {
		t.Errorf("the post-login question: %+v", again)
	}
	if v := decide(alias, "wrong horse"); v.Outcome != store.Rejected || !v.Counted {
		t.Errorf("wrong: %+v", v)
	}
	if v := decide(address, "wrong horse"); v.Outcome != store.Rejected || v.Counted {
		t.Errorf("the same guess under the address counts again: %+v", v)
	}
	if v := decide(alias, right); v.Outcome != store.Accepted || v.Reason != store.ReasonMainPassword {
		t.Errorf("main password: %+v", v)
	}
	if v := w.policy.SignIn(t.Context(), attempt(alias, right)); v.Outcome != store.Accepted || v.Login.Address != address {
		t.Errorf("at the portal: %+v", v)
	}
	for name, want := range map[string]store.Outcome{alias: store.Rejected, address: store.Accepted} {
		for _, password := range []string{letters, right} {
			a := attempt(name, password)
			a.KeepsName = true
			if v := w.policy.Decide(t.Context(), a); v.Outcome != want || v.Known != (name == address) {
				t.Errorf("a server that keeps the name %s: %+v", name, v)
			}
		}
	}
	w.keyed(map[byte]string{1: letters})
	if v := w.scram(alias, letters); v.Outcome != store.Accepted || v.Login.Address != address {
		t.Errorf("SCRAM: %+v", v)
	}
	w.change(func(a *store.Account) { a.Bound = time.Now() })
	if v := decide(alias, right); v.Outcome != store.Rejected || v.Reason != store.ReasonPhoneBound {
		t.Errorf("bound: %+v", v)
	}
	a := attempt(alias, letters)
	a.Authz = address
	w.reads = 0
	if v := w.policy.Decide(t.Context(), a); v.Reason != store.ReasonAuthz || w.reads != 0 {
		t.Errorf("the account's address as authorization identity: %+v, %d reads", v, w.reads)
	}
	if a.Authz = alias; w.policy.Decide(t.Context(), a).Outcome != store.Accepted {
		t.Error("the alias as its own authorization identity is refused")
	}
}
