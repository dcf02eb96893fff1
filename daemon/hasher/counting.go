package hasher

import (
	"net/netip"
	"sync/atomic"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Counting is a pool for tests. It counts what is hashed, so that "refused
// without hashing" can be tested, hashes in this process and makes new hashes
// at a tiny cost. It has to be closed like any pool.
type Counting struct {
	*Pool
	matches, hashes atomic.Int64
	full            atomic.Bool
}

// TinyCost is the cost of the hashes that Counting makes: microseconds, and no
// protection at all.
func TinyCost() secret.Cost { return secret.Cost{MemoryKiB: 8, Time: 1, Threads: 1} }

// NewCounting makes one.
func NewCounting() *Counting {
	c := new(Counting)
	c.Pool = inProcess(Options{Cost: TinyCost()}, counter{c: c})
	return c
}

// Matches is how many passwords were matched against a stored hash.
func (c *Counting) Matches() int { return int(c.matches.Load()) }

// Hashes is how many new hashes were made.
func (c *Counting) Hashes() int { return int(c.hashes.Load()) }

// SetFull makes Reserve refuse everything, or work again.
func (c *Counting) SetFull(full bool) { c.full.Store(full) }

// Reserve is the pool's, unless SetFull says that there is no room.
func (c *Counting) Reserve(q Queue, network netip.Prefix) (*Ticket, bool) {
	if c.full.Load() {
		return nil, false
	}
	return c.Pool.Reserve(q, network)
}

type counter struct {
	local
	c *Counting
}

func (w counter) Match(stored string, password secret.Secret) (bool, error) {
	w.c.matches.Add(1)
	return w.local.Match(stored, password)
}

func (w counter) Hash(password secret.Secret, cost secret.Cost) (string, error) {
	w.c.hashes.Add(1)
	return w.local.Hash(password, cost)
}
