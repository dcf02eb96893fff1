package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// rehasher replaces stored hashes of other schemes, or of a lower cost, by ours
// when their password is there: after it was right, behind the answer. It does one
// at a time and only with a worker that has nothing to do; who is passed over has
// a next time.
type rehasher struct {
	ctx      context.Context // of the daemon
	hasher   *hasher.Pool
	policy   *policy.Policy
	accounts *accounts.Service
	log      *slog.Logger

	busy  atomic.Bool
	under sync.WaitGroup
}

// right is policy.Right.
func (r *rehasher) right(account *store.Account, s secret.Secret) {
	if !secret.Outdated(account.MainHash, r.hasher.Cost()) || secret.Truncates(account.MainHash, s) {
		return
	}
	if !r.busy.CompareAndSwap(false, true) {
		return
	}
	r.under.Go(func() {
		defer r.busy.Store(false)
		if err := r.replace(account, s); err != nil && !errors.Is(err, hasher.ErrBusy) && r.ctx.Err() == nil {
			r.log.Warn("a stored hash could not be replaced", "account", account.Address, "error", err)
		}
	})
}

func (r *rehasher) replace(account *store.Account, s secret.Secret) error {
	hash, err := r.hasher.HashSpare(r.ctx, s)
	if err != nil {
		return err
	}
	after := *account
	after.MainHash = hash
	r.policy.Replacing(account, &after)
	done, err := r.accounts.Rehash(r.ctx, account, hash)
	if done {
		r.policy.Replaced(account, &after, s)
		r.log.Info("changed", "what", "password/rehash", "account", account.Address)
	}
	if errors.Is(err, accounts.ErrNoAccount) { // deleted since
		return nil
	}
	return err
}

// wait waits for what is under way. Nothing is decided any more.
func (r *rehasher) wait() { r.under.Wait() }
