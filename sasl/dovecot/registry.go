package dovecot

import (
	"crypto/subtle"
	"hash/maphash"
	"sync"
)

// registry finds a client connection by its cookie. Two login processes may have
// the same CPID (in two PID namespaces, say), so that is checked afterwards, not
// searched for.
type registry struct {
	mu    sync.RWMutex
	seed  maphash.Seed             // guarded by mu, as is conns; made with the first connection
	conns map[uint64][]*clientConn // by the seeded hash of the cookie
}

func (g *registry) add(c *clientConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conns == nil {
		g.seed = maphash.MakeSeed()
		g.conns = make(map[uint64][]*clientConn)
	}
	key := maphash.Bytes(g.seed, c.cookie[:])
	g.conns[key] = append(g.conns[key], c)
}

func (g *registry) remove(c *clientConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := maphash.Bytes(g.seed, c.cookie[:])
	kept := g.conns[key][:0]
	for _, other := range g.conns[key] {
		if other != c {
			kept = append(kept, other)
		}
	}
	if len(kept) == 0 {
		delete(g.conns, key)
		return
	}
	g.conns[key] = kept
}

// find looks the cookie up by a hash with a secret seed and compares it in
// constant time: how long the answer takes tells nothing about a cookie that was nearly right.
func (g *registry) find(cookie [16]byte) *clientConn {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.conns == nil {
		return nil
	}
	for _, c := range g.conns[maphash.Bytes(g.seed, cookie[:])] {
		if subtle.ConstantTimeCompare(c.cookie[:], cookie[:]) == 1 {
			return c
		}
	}
	return nil
}
