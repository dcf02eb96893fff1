package hasher

import (
	"context"
	"net/netip"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Cost is what new hashes cost.
func (p *Pool) Cost() secret.Cost { return p.opts.Cost }

// HashSpare is Hash for what can be done another day: it makes the hash only if a
// worker has nothing to do and nobody has reserved it, one at a time, and is
// ErrBusy otherwise. A job that comes meanwhile waits for it as for any other.
func (p *Pool) HashSpare(ctx context.Context, s secret.Secret) (string, error) {
	p.mu.Lock()
	able := len(p.slots) - p.resting
	if p.closed || p.sparing || p.running+p.queues[Mail].tickets+p.queues[Portal].tickets >= able {
		p.mu.Unlock()
		return "", ErrBusy
	}
	p.sparing = true
	t := p.ticketLocked(Portal, netip.Prefix{}, time.Time{})
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sparing = false
	}()
	r, err := t.do(ctx, request{kind: kindHash, cost: p.opts.Cost, password: s})
	return r.hash, err
}
