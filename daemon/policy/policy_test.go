package policy_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	address = "zhang@example.org"
	right   = "correct horse battery"
)

// world is a policy over an engine in memory, a clock that stands still, and a
// hasher that counts.
type world struct {
	t      *testing.T
	now    time.Time
	store  *store.Store
	keys   *secret.Keys
	hasher *hasher.Counting
	policy *policy.Policy
	broken error // what reading an account answers, unless nil
	reads  int
	onRead func(n int) // called before the nth read
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keys, err := secret.NewKeys([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), keys: keys, hasher: hasher.NewCounting()}
	t.Cleanup(func() { w.hasher.Close() })
	w.store, err = store.Open(t.Context(), memkv.New(), keys, store.Options{Now: w.clock, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	w.policy = policy.New(w, keys, w.hasher, policy.Rules{Enforced: func(string, time.Time) bool { return false }}, [32]byte{2}, w.clock)
	return w
}

func (w *world) clock() time.Time { return w.now }

// Account makes world the policy's store, so that tests can break it.
func (w *world) Account(ctx context.Context, address string) (*store.Account, error) {
	w.reads++
	if w.onRead != nil {
		w.onRead(w.reads)
	}
	if w.broken != nil {
		return nil, w.broken
	}
	return w.store.Account(ctx, address)
}

// SCRAM does so for SCRAM.
func (w *world) SCRAM(ctx context.Context, address string) (*store.Account, store.SCRAMKeys, error) {
	if _, err := w.Account(ctx, address); w.broken != nil {
		return nil, store.SCRAMKeys{}, err
	}
	return w.store.SCRAM(ctx, address)
}

// change edits the account, which is made if it does not exist.
func (w *world) change(edit func(*store.Account)) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx *store.Writer) error {
		a, err := tx.Account(address)
		if errors.Is(err, store.ErrNoAccount) {
			hash, err := secret.Hash(rand.Reader, secret.New(right), hasher.TinyCost())
			if err != nil {
				return err
			}
			if a, err = tx.CreateAccount(address, hash); err != nil {
				return err
			}
		}
		edit(a)
		return tx.PutAccount(a)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// appPassword gives the account one and returns its letters.
func (w *world) appPassword(id byte, scopes store.Scopes, edit func(*store.AppPasswordRow)) string {
	w.t.Helper()
	letters, err := secret.NewAppPassword(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	w.change(func(a *store.Account) {
		row := store.AppPasswordRow{
			ID:     store.AppPasswordID{id},
			Tag:    w.keys.AppPasswordTag(a.ID, letters),
			Scopes: scopes,
			State:  store.Live,
		}
		if edit != nil {
			edit(&row)
		}
		a.AppPasswords = append(a.AppPasswords, row)
	})
	return secret.GroupAppPassword(letters)
}

func attempt(name, password string) *policy.Attempt {
	return &policy.Attempt{Name: name, Secret: secret.New(password), Facts: policy.Facts{
		Service: "imap", Mechanism: "PLAIN", Addr: netip.MustParseAddr("192.0.2.1"), Secured: true,
	}}
}

// TestMatrix walks the matrix of who gets in: account × secret.
func TestMatrix(t *testing.T) {
	type want struct {
		outcome store.Outcome
		reason  store.Reason
		counted bool
		hashed  int
	}
	var (
		accepted = want{store.Accepted, store.ReasonAppPassword, false, 0}
		scope    = want{store.Rejected, store.ReasonScope, false, 0}
		revoked  = want{store.Rejected, store.ReasonRevoked, false, 0}
		expired  = want{store.Rejected, store.ReasonExpired, false, 0}
		wrong    = want{store.Rejected, store.ReasonWrongSecret, true, 1}
		closed   = func(r store.Reason) want { return want{store.Rejected, r, true, 0} }
		disabled = want{store.Rejected, store.ReasonDisabled, false, 0}
		day      = 24 * time.Hour
	)
	for _, tc := range []struct {
		account  string
		edit     func(*world, *store.Account)
		enforced bool
		want     map[string]want // by secret
	}{
		{"no phone", func(*world, *store.Account) {}, false, map[string]want{
			"main": {store.Accepted, store.ReasonMainPassword, false, 1}, "live": accepted, "scope": scope,
			"revoked": revoked, "made before": revoked, "expired": expired, "past": expired, "wrong": wrong, "shaped": wrong,
		}},
		{"phone bound", func(w *world, a *store.Account) { a.Bound = w.now }, false, map[string]want{
			"main": closed(store.ReasonPhoneBound), "live": accepted, "scope": scope, "revoked": revoked, "made before": revoked,
			"expired": expired, "past": expired, "wrong": closed(store.ReasonPhoneBound), "shaped": closed(store.ReasonPhoneBound),
		}},
		{"enforced", func(*world, *store.Account) {}, true, map[string]want{
			"main": closed(store.ReasonEnforced), "live": accepted, "scope": scope, "revoked": revoked, "made before": revoked,
			"expired": expired, "past": expired, "wrong": closed(store.ReasonEnforced), "shaped": closed(store.ReasonEnforced),
		}},
		{"enforced with a live exception", func(w *world, a *store.Account) { a.ExemptUntil = w.now.Add(day) }, true, map[string]want{
			"main": {store.Accepted, store.ReasonMainPassword, false, 1}, "live": accepted, "wrong": wrong,
		}},
		{"enforced with an exception that ended", func(w *world, a *store.Account) { a.ExemptUntil = w.now }, true, map[string]want{
			"main": closed(store.ReasonEnforced), "live": accepted, "wrong": closed(store.ReasonEnforced),
		}},
		{"bound, with a live exception", func(w *world, a *store.Account) { a.Bound, a.ExemptUntil = w.now, w.now.Add(day) }, true, map[string]want{
			"main": closed(store.ReasonPhoneBound), "live": accepted,
		}},
		{"disabled", func(_ *world, a *store.Account) { a.Disabled = true }, false, map[string]want{
			"main": closed(store.ReasonDisabled), "live": disabled, "scope": disabled, "revoked": disabled, "made before": disabled,
			"expired": disabled, "past": disabled, "wrong": closed(store.ReasonDisabled),
		}},
		{"without a main password", func(_ *world, a *store.Account) { a.MainHash = "" }, false, map[string]want{
			"main": closed(store.ReasonNoMainPassword), "live": accepted, "wrong": closed(store.ReasonNoMainPassword),
		}},
		{"unknown", nil, false, map[string]want{
			"main": closed(store.ReasonUnknownAccount), "live": closed(store.ReasonUnknownAccount), "wrong": closed(store.ReasonUnknownAccount),
		}},
	} {
		for name, want := range tc.want {
			t.Run(tc.account+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				w.policy.SetRules(policy.Rules{Enforced: func(domain string, _ time.Time) bool { return tc.enforced && domain == "example.org" }})
				secrets := map[string]string{
					"main":        right,
					"wrong":       "wrong horse battery",
					"shaped":      "abcd efgh jkmn pqrs",
					"live":        w.appPassword(1, store.ScopeIMAP, nil),
					"scope":       w.appPassword(2, store.ScopeSMTP|store.ScopePOP3, nil),
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
				v := w.policy.Decide(t.Context(), attempt(who, secrets[name]))
				got := struct {
					outcome store.Outcome
					reason  store.Reason
					counted bool
					hashed  int
				}{v.Outcome, v.Reason, v.Counted, w.hasher.Matches()}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if v.Known != (tc.edit != nil) || v.Name != who {
					t.Errorf("known %v, name %q", v.Known, v.Name)
				}
				w.broken = errors.New("disk on fire")
				if v := w.policy.Decide(t.Context(), attempt(who, secrets[name])); v.Outcome != store.Undecided || v.Reason != store.ReasonStoreUnavailable || v.Counted {
					t.Errorf("store away: %+v", v)
				}
				w.broken = store.ErrDamaged
				if v := w.policy.Decide(t.Context(), attempt(who, secrets[name])); v.Outcome != store.Undecided || v.Reason != store.ReasonDamaged {
					t.Errorf("record damaged: %+v", v)
				}
			})
		}
	}
}

// Before any look-up: somebody else's name, and a secret sent in the clear where
// that is forbidden.
func TestRefusedUnread(t *testing.T) {
	w := newWorld(t)
	letters := w.appPassword(1, store.ScopeAll, nil)
	w.reads = 0
	a := attempt(address, letters)
	a.Authz = "boss@example.org"
	if v := w.policy.Decide(t.Context(), a); v.Reason != store.ReasonAuthz || v.Outcome != store.Rejected || v.Counted {
		t.Errorf("another's name: %+v", v)
	}
	w.policy.SetRules(policy.Rules{RequireSecured: true})
	a = attempt(address, letters)
	a.Secured = false
	if v := w.policy.Decide(t.Context(), a); v.Reason != store.ReasonUnsecured || v.Outcome != store.Rejected || v.Counted {
		t.Errorf("in the clear: %+v", v)
	}
	if w.reads != 0 {
		t.Errorf("the account was read %d times", w.reads)
	}
	a = attempt(address, letters)
	a.Authz = address
	if v := w.policy.Decide(t.Context(), a); v.Outcome != store.Accepted {
		t.Errorf("own name as authorization identity: %+v", v)
	}
}

// With no room to hash, known, unknown and bound accounts get the same answer,
// and app passwords get in all the same.
func TestNoRoom(t *testing.T) {
	w := newWorld(t)
	letters := w.appPassword(1, store.ScopeAll, nil)
	if v := w.policy.Decide(t.Context(), attempt(address, right)); v.Outcome != store.Accepted {
		t.Fatalf("%+v", v)
	}
	w.hasher.SetFull(true)
	if v := w.policy.Decide(t.Context(), attempt(address, letters)); v.Outcome != store.Accepted {
		t.Errorf("app password: %+v", v)
	}
	if v := w.policy.Decide(t.Context(), attempt(address, right)); v.Outcome != store.Accepted {
		t.Errorf("remembered main password: %+v", v)
	}
	for _, bound := range []time.Time{{}, w.now} {
		w.change(func(a *store.Account) { a.Bound = bound })
		for _, who := range []string{address, "nobody@example.org", ""} {
			if v := w.policy.Decide(t.Context(), attempt(who, "wrong horse")); v.Outcome != store.Undecided || v.Reason != store.ReasonBusy || v.Counted {
				t.Errorf("bound %v, %q: %+v", !bound.IsZero(), who, v)
			}
		}
	}
}

// A right main password is hashed once an hour, and looked at each time.
func TestRememberedMainPassword(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	login := func(wantHashed int, want store.Outcome) {
		t.Helper()
		v := w.policy.Decide(t.Context(), attempt(address, right))
		if v.Outcome != want || w.hasher.Matches() != wantHashed {
			t.Errorf("%v (%s) after %d hashes; want %v after %d", v.Outcome, v.Reason, w.hasher.Matches(), want, wantHashed)
		}
	}
	login(1, store.Accepted)
	login(1, store.Accepted)
	w.now = w.now.Add(time.Hour)
	login(2, store.Accepted)
	w.change(func(a *store.Account) { a.Bound = w.now })
	login(2, store.Rejected)
	w.change(func(a *store.Account) { a.Bound = time.Time{} })
	login(2, store.Accepted)
	other, err := secret.Hash(rand.Reader, secret.New("something else"), hasher.TinyCost())
	if err != nil {
		t.Fatal(err)
	}
	w.change(func(a *store.Account) { a.MainHash = other })
	login(3, store.Rejected)
}

// The same refused secret counts once a day for an account and a network.
func TestRepeatedSecretCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	try := func(who, password, addr string, counted bool) {
		t.Helper()
		a := attempt(who, password)
		a.Addr = netip.MustParseAddr(addr)
		if v := w.policy.Decide(t.Context(), a); v.Outcome != store.Rejected || v.Counted != counted {
			t.Errorf("%s %s from %s: %v, counted %v", who, password, addr, v.Outcome, v.Counted)
		}
	}
	try(address, "yesterday's", "192.0.2.1", true)
	try(address, "yesterday's", "192.0.2.1", false)
	try(address, "another one", "192.0.2.1", true)
	try(address, "yesterday's", "192.0.2.2", true)
	try(address, "yesterday's", "2001:db8::1", true)
	try(address, "yesterday's", "2001:db8::2", false)
	try(address, "yesterday's", "2001:db8:0:1::2", true)
	// One password tried on many names is an attack on each.
	try("a@example.org", "Summer2026", "192.0.2.1", true)
	try("b@example.org", "Summer2026", "192.0.2.1", true)
	w.now = w.now.Add(24 * time.Hour)
	try(address, "yesterday's", "192.0.2.1", true)
}

// An account that changes while its password is hashed is decided anew.
func TestChangedWhileHashing(t *testing.T) {
	for name, tc := range map[string]struct {
		edit   func(*world, *store.Account)
		reason store.Reason
	}{
		"bound":    {func(w *world, a *store.Account) { a.Bound = w.now }, store.ReasonPhoneBound},
		"disabled": {func(_ *world, a *store.Account) { a.Disabled = true }, store.ReasonDisabled},
		"renewed":  {func(_ *world, a *store.Account) { a.ID = store.AccountID{9} }, store.ReasonMainPassword},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.change(func(*store.Account) {})
			w.reads = 0
			w.onRead = func(n int) {
				if n == 2 { // the one after the hash
					w.change(func(a *store.Account) { tc.edit(w, a) })
				}
			}
			if v := w.policy.Decide(t.Context(), attempt(address, right)); v.Reason != tc.reason {
				t.Errorf("%+v, want %s", v, tc.reason)
			}
		})
	}
	t.Run("for ever", func(t *testing.T) {
		w := newWorld(t)
		w.change(func(*store.Account) {})
		w.onRead = func(n int) { w.change(func(a *store.Account) { a.ID = store.AccountID{9, byte(n)} }) }
		if v := w.policy.Decide(t.Context(), attempt(address, right)); v.Outcome != store.Undecided || v.Reason != store.ReasonBusy {
			t.Errorf("%+v", v)
		}
		w.onRead = nil
		for range 5000 { // no ticket may have been lost
			ticket, room := w.hasher.Reserve(hasher.Mail, netip.Prefix{})
			if !room {
				t.Fatal("tickets were lost")
			}
			ticket.Release()
		}
	})
}

// The post-login question decides again.
func TestAgain(t *testing.T) {
	w := newWorld(t)
	letters := w.appPassword(1, store.ScopeAll, nil)
	app := w.policy.Decide(t.Context(), attempt(address, letters)).Login
	main := w.policy.Decide(t.Context(), attempt(address, right)).Login
	again := func(what string, l policy.Login, outcome store.Outcome, reason store.Reason) {
		t.Helper()
		if v := w.policy.Again(t.Context(), l); v.Outcome != outcome || v.Reason != reason || v.Counted {
			t.Errorf("%s: %+v, want %v %s", what, v, outcome, reason)
		}
	}
	if app.Credential() != (store.AppPasswordID{1}).String() || main.Credential() != "main-"+main.Account.String() {
		t.Errorf("credentials %q and %q", app.Credential(), main.Credential())
	}
	again("app password", app, store.Accepted, store.ReasonAppPassword)
	again("main password", main, store.Accepted, store.ReasonMainPassword)
	w.change(func(a *store.Account) { a.Bound = w.now })
	again("app password, bound", app, store.Accepted, store.ReasonAppPassword)
	again("main password, bound", main, store.Rejected, store.ReasonPhoneBound)
	w.change(func(a *store.Account) { a.Bound, a.Disabled = time.Time{}, true })
	again("app password, disabled", app, store.Rejected, store.ReasonDisabled)
	again("main password, disabled", main, store.Rejected, store.ReasonDisabled)
	w.change(func(a *store.Account) {
		a.Disabled = false
		a.AppPasswords[0].State = store.Revoked
		a.MainHash += "x"
	})
	again("app password, revoked", app, store.Rejected, store.ReasonRevoked)
	again("main password, changed", main, store.Rejected, store.ReasonCredentialGone)
	w.change(func(a *store.Account) { a.AppPasswords = nil })
	again("app password, gone", app, store.Rejected, store.ReasonCredentialGone)
	err := w.store.Update(t.Context(), func(tx *store.Writer) error {
		a, err := tx.Account(address)
		if err != nil {
			return err
		}
		return tx.DeleteAccount(a)
	})
	if err != nil {
		t.Fatal(err)
	}
	again("account gone", app, store.Rejected, store.ReasonUnknownAccount)
	w.change(func(*store.Account) {}) // the address again, another account
	again("another account of that address", main, store.Rejected, store.ReasonUnknownAccount)
	w.broken = errors.New("disk on fire")
	again("store away", app, store.Undecided, store.ReasonStoreUnavailable)
}
