package policy_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// signIn is one at the portal.
func (w *world) signIn(name, password string) policy.Verdict {
	w.t.Helper()
	a := attempt(name, password)
	a.Service, a.Mechanism = "portal", "FORM"
	return w.policy.SignIn(w.t.Context(), a)
}

// TestSignInMatrix walks who gets through the portal's first step: account ×
// secret. Bound and enforced accounts do as much as others.
func TestSignInMatrix(t *testing.T) {
	type want struct {
		outcome store.Outcome
		reason  store.Reason
		counted bool
		hashed  int
	}
	var (
		in       = want{store.Accepted, store.ReasonMainPassword, false, 1}
		wrong    = want{store.Rejected, store.ReasonWrongSecret, true, 1}
		scope    = want{store.Rejected, store.ReasonScope, false, 0}
		revoked  = want{store.Rejected, store.ReasonRevoked, false, 0}
		expired  = want{store.Rejected, store.ReasonExpired, false, 0}
		disabled = want{store.Rejected, store.ReasonDisabled, false, 0}
		closed   = func(r store.Reason) map[string]want {
			all := want{store.Rejected, r, true, 0}
			return map[string]want{"main": all, "wrong": all, "shaped": all, "long": all, "empty": all}
		}
		usual = map[string]want{"main": in, "wrong": wrong, "shaped": wrong, "empty": wrong, "long": {store.Rejected, store.ReasonWrongSecret, true, 0},
			"live": scope, "narrow": scope, "revoked": revoked, "made before": revoked, "expired": expired, "past": expired}
	)
	for _, tc := range []struct {
		account  string
		edit     func(*world, *store.Account)
		enforced bool
		want     map[string]want // by secret
	}{
		{"no phone", func(*world, *store.Account) {}, false, usual},
		{"phone bound", func(w *world, a *store.Account) { a.Bound = w.now }, false, usual},
		{"enforced", func(*world, *store.Account) {}, true, usual},
		{"bound and enforced", func(w *world, a *store.Account) { a.Bound = w.now }, true, usual},
		{"disabled", func(_ *world, a *store.Account) { a.Disabled = true }, false, closed(store.ReasonDisabled)},
		{"disabled, with app passwords", func(_ *world, a *store.Account) { a.Disabled = true }, false,
			map[string]want{"live": disabled, "narrow": disabled, "revoked": disabled, "past": disabled}},
		{"without a main password", func(_ *world, a *store.Account) { a.MainHash = "" }, false, closed(store.ReasonNoMainPassword)},
		{"unknown", nil, false, closed(store.ReasonUnknownAccount)},
	} {
		for name, want := range tc.want {
			t.Run(tc.account+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				w.policy.SetRules(policy.Rules{RequireSecured: true, Enforced: func(string, time.Time) bool { return tc.enforced }})
				secrets := map[string]string{
					"main":        right,
					"wrong":       "wrong horse battery",
					"shaped":      "abcd efgh jkmn pqrs",
					"empty":       "",
					"long":        strings.Repeat("x", hasher.MaxPassword+1),
					"live":        w.appPassword(1, store.ScopeAll, nil),
					"narrow":      w.appPassword(2, store.ScopeIMAP, nil),
					"revoked":     w.appPassword(3, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.Revoked }),
					"made before": w.appPassword(4, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.MadeBeforeBinding }),
					"expired":     w.appPassword(5, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.Expired }),
					"past":        w.appPassword(6, store.ScopeAll, func(r *store.AppPasswordRow) { r.Expires = w.now }),
				}
				who := address
				if tc.edit == nil {
					who = "nobody@example.org"
				} else {
					w.change(func(a *store.Account) { tc.edit(w, a) })
				}
				v := w.signIn(who, secrets[name])
				got := struct {
					outcome store.Outcome
					reason  store.Reason
					counted bool
					hashed  int
				}{v.Outcome, v.Reason, v.Counted, w.hasher.Matches()}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if v.Known != (tc.edit != nil) || v.Name != who || v.Known && v.Login.Address != address {
					t.Errorf("known %v, name %q, login %+v", v.Known, v.Name, v.Login)
				}
				w.broken = errors.New("disk on fire")
				if v := w.signIn(who, secrets[name]); v.Outcome != store.Undecided || v.Reason != store.ReasonStoreUnavailable || v.Counted {
					t.Errorf("store away: %+v", v)
				}
				w.broken = store.ErrDamaged
				if v := w.signIn(who, secrets[name]); v.Outcome != store.Undecided || v.Reason != store.ReasonDamaged {
					t.Errorf("record damaged: %+v", v)
				}
			})
		}
	}
}

// A name that cannot be prepared is one that nobody has.
func TestSignInWithoutName(t *testing.T) {
	w := newWorld(t)
	if v := w.signIn("", right); v.Outcome != store.Rejected || v.Reason != store.ReasonUnknownAccount || !v.Counted || w.reads != 0 {
		t.Errorf("%+v after %d reads", v, w.reads)
	}
}

// What is right at one kind of door saves no hash at the other, and opens nothing
// there.
func TestSignInRemembersNothing(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	expect := func(what string, v policy.Verdict, outcome store.Outcome, hashed int) {
		t.Helper()
		if v.Outcome != outcome || w.hasher.Matches() != hashed {
			t.Errorf("%s: %v (%s) after %d hashes; want %v after %d", what, v.Outcome, v.Reason, w.hasher.Matches(), outcome, hashed)
		}
	}
	mail := func() policy.Verdict { return w.policy.Decide(t.Context(), attempt(address, right)) }
	expect("portal", w.signIn(address, right), store.Accepted, 1)
	expect("portal again", w.signIn(address, right), store.Accepted, 2)
	expect("mail", mail(), store.Accepted, 3)
	expect("mail again", mail(), store.Accepted, 3)
	expect("portal after mail", w.signIn(address, right), store.Accepted, 4)
	w.change(func(a *store.Account) { a.Bound = w.now })
	expect("portal, bound", w.signIn(address, right), store.Accepted, 5)
	expect("mail, bound", mail(), store.Rejected, 5)
}

// A refused secret is remembered for both kinds of door: a person who types what
// the phone keeps sending is no attack either.
func TestSignInCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	if v := w.policy.Decide(t.Context(), attempt(address, "yesterday's")); !v.Counted {
		t.Errorf("%+v", v)
	}
	if v := w.signIn(address, "yesterday's"); v.Outcome != store.Rejected || v.Counted {
		t.Errorf("%+v", v)
	}
	if v := w.signIn(address, "another"); v.Outcome != store.Rejected || !v.Counted {
		t.Errorf("%+v", v)
	}
}

// With no room to hash, everybody but the holder of an app password gets the
// same answer.
func TestSignInNoRoom(t *testing.T) {
	w := newWorld(t)
	letters := w.appPassword(1, store.ScopeAll, nil)
	w.hasher.SetFull(true)
	for state, edit := range map[string]func(*store.Account){
		"usual":    func(*store.Account) {},
		"bound":    func(a *store.Account) { a.Bound = w.now },
		"disabled": func(a *store.Account) { a.Disabled = true },
		"no hash":  func(a *store.Account) { a.MainHash = "" },
	} {
		w.change(edit)
		for _, who := range []string{address, "nobody@example.org", ""} {
			if v := w.signIn(who, right); v.Outcome != store.Undecided || v.Reason != store.ReasonBusy || v.Counted {
				t.Errorf("%s, %q: %+v", state, who, v)
			}
		}
		if v := w.signIn(address, letters); v.Outcome != store.Rejected || v.Counted {
			t.Errorf("%s, app password: %+v", state, v)
		}
	}
}

// An account that changes while its password is hashed is decided anew.
func TestSignInChangedWhileHashing(t *testing.T) {
	other, err := secret.Hash(rand.Reader, secret.New("something else"), hasher.TinyCost())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		edit    func(*world, *store.Account)
		outcome store.Outcome
		reason  store.Reason
		hashed  int
	}{
		"bound":            {func(w *world, a *store.Account) { a.Bound = w.now }, store.Accepted, store.ReasonMainPassword, 1},
		"disabled":         {func(_ *world, a *store.Account) { a.Disabled = true }, store.Rejected, store.ReasonDisabled, 1},
		"renewed":          {func(_ *world, a *store.Account) { a.ID = store.AccountID{9} }, store.Accepted, store.ReasonMainPassword, 2},
		"password changed": {func(_ *world, a *store.Account) { a.MainHash = other }, store.Rejected, store.ReasonWrongSecret, 2},
		"password gone":    {func(_ *world, a *store.Account) { a.MainHash = "" }, store.Rejected, store.ReasonNoMainPassword, 1},
		"store away":       {func(w *world, _ *store.Account) { w.broken = errors.New("disk on fire") }, store.Undecided, store.ReasonStoreUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.change(func(*store.Account) {})
			w.onRead = func(n int) {
				if n == 2 { // the one after the hash
					w.change(func(a *store.Account) { tc.edit(w, a) })
				}
			}
			v := w.signIn(address, right)
			if v.Outcome != tc.outcome || v.Reason != tc.reason || w.hasher.Matches() != tc.hashed {
				t.Errorf("%+v after %d hashes, want %+v", v, w.hasher.Matches(), tc)
			}
			if a, err := w.store.Account(t.Context(), address); err != nil || v.Outcome == store.Accepted &&
				(v.Login.Account != a.ID || v.Login.Fingerprint() != a.MainFingerprint()) {
				t.Errorf("let in as %+v (%v)", v.Login, err)
			}
		})
	}
	t.Run("for ever", func(t *testing.T) {
		w := newWorld(t)
		w.change(func(*store.Account) {})
		w.onRead = func(n int) { w.change(func(a *store.Account) { a.ID = store.AccountID{9, byte(n)} }) }
		if v := w.signIn(address, right); v.Outcome != store.Undecided || v.Reason != store.ReasonBusy || v.Name != address {
			t.Errorf("%+v", v)
		}
		for range 5000 { // no ticket may have been lost
			ticket, room := w.hasher.Reserve(hasher.Portal, netip.Prefix{})
			if !room {
				t.Fatal("tickets were lost")
			}
			ticket.Release()
		}
	})
}

// A browser that is gone before its turn leaves nothing decided and nothing
// counted.
func TestSignInTooLate(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	v := w.policy.SignIn(gone, attempt(address, "wrong horse"))
	if v.Outcome != store.Undecided || v.Reason != store.ReasonBusy || v.Counted {
		t.Errorf("%+v", v)
	}
}

// watched notes what room is asked for.
type watched struct {
	policy.Hasher
	queue   hasher.Queue
	network netip.Prefix
}

func (w *watched) Reserve(q hasher.Queue, network netip.Prefix) (*hasher.Ticket, bool) {
	w.queue, w.network = q, network
	return w.Hasher.Reserve(q, network)
}

// The portal has a queue of its own, whatever the attempt says.
func TestSignInWaitsAtThePortal(t *testing.T) {
	w := newWorld(t)
	seen := &watched{Hasher: w.hasher}
	p := policy.New(w, w.keys, seen, policy.Rules{}, [32]byte{2}, w.clock)
	p.SignIn(t.Context(), attempt("nobody@example.org", right))
	if seen.queue != hasher.Portal || seen.network != netip.MustParsePrefix("192.0.2.1/32") {
		t.Errorf("queue %v for %v", seen.queue, seen.network)
	}
}
