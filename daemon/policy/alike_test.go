package policy_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// drowsy is a worker whose hashes take a certain time, on the clock of a
// synctest bubble, and that can be made to sleep over its work. All of its
// hashes say "wrong".
type drowsy struct {
	takes  time.Duration
	asleep atomic.Int64 // until then, in Unix nanoseconds
	hashed atomic.Int64
}

func (w *drowsy) Match(string, secret.Secret) (bool, error) {
	w.hashed.Add(1)
	return false, w.Idle(w.takes)
}

func (w *drowsy) Idle(d time.Duration) error {
	time.Sleep(max(0, time.Until(time.Unix(0, w.asleep.Load()))))
	time.Sleep(d)
	return nil
}

func (w *drowsy) Hash(secret.Secret, secret.Cost) (string, error) { return "", hasher.ErrClosed }
func (w *drowsy) Done() <-chan struct{}                           { return nil }
func (w *drowsy) Close() error                                    { return nil }

// load is what the hasher has to bear.
type load struct {
	workers  int
	takes    time.Duration // one hash
	attempts int
	apart    time.Duration // one attempt from the next
	asleep   time.Duration // all workers, from the beginning
}

// outcomes puts a load on the hasher, all of it from one network and on one
// name, and returns what came of each attempt and when.
func (l load) outcomes(t *testing.T, who, password string, edit func(*world, *store.Account), decide func(*policy.Policy, context.Context, *policy.Attempt) policy.Verdict) (came []string, hashed int64) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.change(func(*store.Account) {})
		worker := &drowsy{takes: l.takes}
		pool, err := hasher.New(hasher.Options{Workers: l.workers, Budget: policy.HashWithin(2 * time.Second),
			Log: slog.New(slog.DiscardHandler), Start: func() (hasher.Worker, error) { return worker, nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		p := policy.New(w.store, w.keys, pool, policy.Rules{Enforced: func(string, time.Time) bool { return false }}, [32]byte{2}, w.clock)
		p.Decide(t.Context(), attempt(address, "to be measured"))
		worker.hashed.Store(0)
		w.change(func(a *store.Account) { edit(w, a) })
		worker.asleep.Store(time.Now().Add(l.asleep).UnixNano())
		began := time.Now()
		came = make([]string, l.attempts)
		var all sync.WaitGroup
		for i := range came {
			all.Go(func() {
				arrived := time.Now()
				ctx, cancel := context.WithDeadline(t.Context(), arrived.Add(policy.HashWithin(2*time.Second)))
				defer cancel()
				v := decide(p, ctx, attempt(who, password))
				came[i] = fmt.Sprint(v.Outcome, " after ", time.Since(began))
			})
			synctest.Wait()
			time.Sleep(l.apart)
		}
		all.Wait()
		hashed = worker.hashed.Load()
	})
	return came, hashed
}

// Under whatever load, who is refused and who is told to try again does not
// depend on whether there is a password to hash; and where there is none, none
// is hashed.
func TestHashedAndUnhashedAreAlike(t *testing.T) {
	const (
		ms  = time.Millisecond
		odd = time.Microsecond // else an attempt comes at the instant at which a hash ends, and either may be first
	)
	mail := func(p *policy.Policy, ctx context.Context, a *policy.Attempt) policy.Verdict { return p.Decide(ctx, a) }
	portal := func(p *policy.Policy, ctx context.Context, a *policy.Attempt) policy.Verdict { return p.SignIn(ctx, a) }
	same := func(*world, *store.Account) {}
	for name, l := range map[string]load{
		"quiet":                  {workers: 2, takes: 50 * ms, attempts: 20, apart: 200*ms + odd},
		"all at once":            {workers: 2, takes: 49 * ms, attempts: 150},
		"more than can be borne": {workers: 1, takes: 70 * ms, attempts: 120, apart: 30*ms + odd},
		"workers fall asleep":    {workers: 2, takes: 50 * ms, attempts: 60, apart: 20*ms + odd, asleep: 1700 * ms},
		"and sleep on":           {workers: 1, takes: 200 * ms, attempts: 10, apart: 10*ms + odd, asleep: 6000 * ms},
	} {
		for door, decide := range map[string]func(*policy.Policy, context.Context, *policy.Attempt) policy.Verdict{"mail": mail, "portal": portal} {
			t.Run(name+"/"+door, func(t *testing.T) {
				want, hashed := l.outcomes(t, address, "wrong horse", same, decide)
				if hashed == 0 {
					t.Fatal("nothing was hashed where it should be")
				}
				told := make(map[string]bool)
				for _, one := range want {
					outcome, _, _ := strings.Cut(one, " ")
					told[outcome] = true
				}
				t.Logf("%d of %d hashed, outcomes %v", hashed, l.attempts, told)
				if name != "quiet" && !told[store.Undecided.String()] {
					t.Error("the load shows nothing")
				}
				long := strings.Repeat("x", hasher.MaxPassword+1)
				for _, of := range []struct {
					name, who, password string
					edit                func(*world, *store.Account)
					mailOnly            bool
				}{
					{"unknown", "nobody@example.org", "wrong horse", same, false},
					{"no name", "", "wrong horse", same, false},
					{"disabled", address, "wrong horse", func(_ *world, a *store.Account) { a.Disabled = true }, false},
					{"no main password", address, "wrong horse", func(_ *world, a *store.Account) { a.MainHash = "" }, false},
					{"too long", address, long, same, false},
					{"bound", address, "wrong horse", func(w *world, a *store.Account) { a.Bound = w.now }, true},
				} {
					if of.mailOnly && door != "mail" {
						continue
					}
					got, hashed := l.outcomes(t, of.who, of.password, of.edit, decide)
					if hashed != 0 {
						t.Errorf("%s: %d hashed", of.name, hashed)
					}
					for i := range want {
						if got[i] != want[i] {
							t.Errorf("%s: attempt %d: %s; where it is hashed: %s", of.name, i, got[i], want[i])
							break
						}
					}
				}
			})
		}
	}
}

// A main password that was right an hour ago and is closed since is told from a
// wrong one by nothing, however busy the hasher is.
func TestRememberedAndClosedIsAlike(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	if v := w.policy.Decide(t.Context(), attempt(address, right)); v.Outcome != store.Accepted {
		t.Fatalf("%+v", v)
	}
	w.change(func(a *store.Account) { a.Bound = w.now })
	w.hasher.SetFull(true)
	if v := w.policy.Decide(t.Context(), attempt(address, right)); v.Outcome != store.Undecided || v.Counted {
		t.Errorf("%+v", v)
	}
}

// What is not hashed is decided, as what is, by the account as it is when its
// turn was over.
func TestChangedWhileWaiting(t *testing.T) {
	reset := func(a *store.Account) { a.Bound = time.Time{} }
	for name, tc := range map[string]struct {
		who    string
		edit   func(*store.Account)
		broken error
		want   store.Reason
	}{
		"unbound":    {address, reset, nil, store.ReasonMainPassword},
		"damaged":    {address, nil, store.ErrDamaged, store.ReasonDamaged},
		"store away": {"nobody@example.org", nil, context.DeadlineExceeded, store.ReasonStoreUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.change(func(a *store.Account) { a.Bound = w.now })
			w.onRead = func(n int) {
				if n != 2 { // the one after the turn
					return
				}
				if w.broken = tc.broken; tc.edit != nil {
					w.change(tc.edit)
				}
			}
			if v := w.policy.Decide(t.Context(), attempt(tc.who, right)); v.Reason != tc.want {
				t.Errorf("%+v, want %s", v, tc.want)
			}
		})
	}
}

// An app password waits for nobody.
func TestAppPasswordDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		letters := w.appPassword(1, store.ScopeAll, nil)
		worker := &drowsy{takes: 50 * time.Millisecond}
		pool, err := hasher.New(hasher.Options{Workers: 1, Start: func() (hasher.Worker, error) { return worker, nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		p := policy.New(w.store, w.keys, pool, policy.Rules{Enforced: func(string, time.Time) bool { return false }}, [32]byte{2}, w.clock)
		var flood sync.WaitGroup
		for range 200 {
			flood.Go(func() { p.Decide(t.Context(), attempt("nobody@example.org", right)) })
		}
		synctest.Wait()
		began := time.Now()
		if v, slow := p.Quick(t.Context(), attempt(address, letters)); slow != nil || v.Outcome != store.Accepted || time.Since(began) != 0 {
			t.Errorf("%+v after %v", v, time.Since(began))
		}
		flood.Wait()
	})
}
