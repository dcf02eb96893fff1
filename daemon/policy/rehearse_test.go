package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// TestRehearse: for every state of an account and every secret, what is rehearsed,
// and what the outlook says, is what is decided afterwards.
func TestRehearse(t *testing.T) {
	for _, state := range []struct {
		name     string
		edit     func(*store.Account)
		enforced bool
	}{
		{"free", func(*store.Account) {}, false},
		{"enforced", func(*store.Account) {}, true},
		{"excepted", func(a *store.Account) { a.ExemptUntil = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }, true},
		{"bound", func(a *store.Account) { a.Bound = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }, false},
		{"disabled", func(a *store.Account) { a.Disabled = true }, false},
		{"no main password", func(a *store.Account) { a.MainHash = "" }, false},
	} {
		w := newWorld(t)
		w.policy.SetRules(policy.Rules{Enforced: func(string, time.Time) bool { return state.enforced }})
		w.change(state.edit)
		typed := []string{right,
			w.appPassword(1, store.ScopeAll, nil), w.appPassword(2, store.ScopePOP3, nil),
			w.appPassword(3, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.Revoked }),
			w.appPassword(4, store.ScopeAll, func(r *store.AppPasswordRow) { r.Expires = w.now.Add(-time.Hour) }),
			"wrong horse battery"}
		ask := func(s string) *policy.Attempt {
			return &policy.Attempt{Name: address, Secret: secret.New(s), Facts: policy.Facts{Service: "imap", Secured: true}}
		}
		o := w.policy.Outlook(t.Context(), ask(""))
		foreseen := append(append([]policy.Verdict{o.Main}, o.AppPasswords...), o.Other)
		for i, s := range typed {
			for range 2 { // the second would be remembered, had the first left a trace
				before := w.hasher.Matches()
				v := w.policy.Rehearse(t.Context(), ask(s))
				if v.Counted {
					t.Errorf("%s, secret %d: counted", state.name, i)
				}
				if v.Reason == store.ReasonMainPassword && w.hasher.Matches() != before+1 {
					t.Errorf("%s, secret %d: passed without being hashed", state.name, i)
				}
				if v.Outcome != foreseen[i].Outcome || v.Reason != foreseen[i].Reason {
					// The one thing that no outlook can tell: what is none of the
					// account's is refused for its state if that is closed.
					if i != len(typed)-1 || v.Outcome != store.Rejected || v.Reason != o.Main.Reason {
						t.Errorf("%s, secret %d: foreseen %v %s, rehearsed %v %s", state.name, i, foreseen[i].Outcome, foreseen[i].Reason, v.Outcome, v.Reason)
					}
				}
			}
		}
		for i, s := range typed {
			before := w.hasher.Matches()
			rehearsed := w.policy.Rehearse(t.Context(), ask(s))
			hashes := w.hasher.Matches() - before
			v := w.policy.Decide(t.Context(), ask(s))
			if v.Outcome != rehearsed.Outcome || v.Reason != rehearsed.Reason || v.Login != rehearsed.Login {
				t.Errorf("%s, secret %d: rehearsed %+v, decided %+v", state.name, i, rehearsed, v)
			}
			if w.hasher.Matches() != before+2*hashes {
				t.Errorf("%s, secret %d: the first login was not hashed as its rehearsal was", state.name, i)
			}
			if counts := v.Outcome == store.Rejected && v.Login.AppPassword == (store.AppPasswordID{}); v.Counted != counts {
				t.Errorf("%s, secret %d: counted %v after a rehearsal", state.name, i, v.Counted)
			}
		}
	}
}

// TestOutlookUnread: an account that cannot be read is put off, one that is not
// there is refused.
func TestOutlookUnread(t *testing.T) {
	w := newWorld(t)
	a := &policy.Attempt{Name: address, Facts: policy.Facts{Service: "imap", Secured: true}}
	if o := w.policy.Outlook(t.Context(), a); o.Account != nil || o.Main.Reason != store.ReasonUnknownAccount || o.Other.Outcome != store.Rejected {
		t.Errorf("unknown: %+v", o)
	}
	w.broken = errors.New("the disk is gone")
	if o := w.policy.Outlook(t.Context(), a); o.Account != nil || o.Main.Outcome != store.Undecided || o.Other.Reason != store.ReasonStoreUnavailable {
		t.Errorf("broken: %+v", o)
	}
	w.broken = nil
	w.policy.SetRules(policy.Rules{RequireSecured: true})
	a.Secured = false
	if o := w.policy.Outlook(t.Context(), a); o.Main.Reason != store.ReasonUnsecured || len(o.AppPasswords) != 0 {
		t.Errorf("unsecured: %+v", o)
	}
}
