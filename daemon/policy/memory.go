package policy

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"net/netip"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Bounds of what is remembered. An entry is about 100 bytes.
const (
	maxRemembered   = 65536
	rememberRight   = time.Hour
	rememberRefused = 24 * time.Hour
)

// memory remembers secrets for a while without keeping them: what it holds are
// HMACs under a key that exists only in this process. When it is full the
// oldest entry goes. A nil one remembers nothing.
type memory struct {
	max  int
	keep time.Duration

	mu      sync.Mutex // guards all below
	mac     hash.Hash
	entries map[[16]byte]remembered
	order   [][16]byte // ring of keys by age; next is the oldest once it is full
	next    int
}

type remembered struct {
	note  [16]byte
	until time.Time
}

// newMemory returns an empty memory. The purpose separates memories that share
// a salt.
func newMemory(purpose string, salt [32]byte, max int, keep time.Duration) *memory {
	key := hmac.New(sha256.New, salt[:])
	key.Write([]byte(purpose))
	return &memory{
		max:     max,
		keep:    keep,
		mac:     hmac.New(sha256.New, key.Sum(nil)),
		entries: make(map[[16]byte]remembered),
	}
}

// keyLocked is HMAC(key, who ‖ 0 ‖ network ‖ 0 ‖ secret). Neither an id in
// hexadecimal, nor a prepared name, nor a network's text has a NUL in it.
func (m *memory) keyLocked(who string, network netip.Prefix, s secret.Secret) [16]byte {
	m.mac.Reset()
	for _, part := range [...]string{who, "\x00", network.String(), "\x00", s.Reveal()} {
		m.mac.Write([]byte(part))
	}
	var sum [sha256.Size]byte
	return [16]byte(m.mac.Sum(sum[:0]))
}

// get returns the note under which the secret is remembered.
func (m *memory) get(who string, network netip.Prefix, s secret.Secret, now time.Time) ([16]byte, bool) {
	if m == nil {
		return [16]byte{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, found := m.entries[m.keyLocked(who, network, s)]
	if !found || !now.Before(e.until) {
		return [16]byte{}, false
	}
	return e.note, true
}

// put remembers the secret from now on, or anew.
func (m *memory) put(who string, network netip.Prefix, s secret.Secret, note [16]byte, now time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putLocked(m.keyLocked(who, network, s), note, now)
}

// first says whether the secret was not remembered, and remembers it. Of two
// calls at the same time one is the first.
func (m *memory) first(who string, network netip.Prefix, s secret.Secret, now time.Time) bool {
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.keyLocked(who, network, s)
	if e, found := m.entries[key]; found && now.Before(e.until) {
		return false
	}
	m.putLocked(key, [16]byte{}, now)
	return true
}

func (m *memory) putLocked(key, note [16]byte, now time.Time) {
	_, found := m.entries[key]
	m.entries[key] = remembered{note: note, until: now.Add(m.keep)}
	switch {
	case found:
		// It keeps its turn to go: simpler than moving it, and as bounded.
	case len(m.order) < m.max:
		m.order = append(m.order, key)
	default:
		delete(m.entries, m.order[m.next])
		m.order[m.next] = key
		m.next = (m.next + 1) % m.max
	}
}
