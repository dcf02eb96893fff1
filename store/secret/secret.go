// Package secret holds everything that latchkey knows about secrets at rest:
// the type that carries a password through the process, app passwords and the
// tags they are looked up by, main-password hashes, and the one key file from
// which every keyed operation of the store is derived.
//
// # Why app passwords have no slow hash
//
// An app password is 16 letters of an alphabet of 23, drawn evenly: 72 random
// bits. It is kept as the first 16 bytes of HMAC-SHA-256 under a key that lives
// in the key file, not in the database. Who steals the database alone cannot
// test a single guess; who steals both still has 72 bits in front of them. A
// slow hash would add nothing and would cost every login of every phone.
// Main passwords are chosen by people, so they get Argon2id (RFC 9106).
//
// # One master key
//
// The key file holds 32 random bytes. Each purpose gets its own key by
// HKDF-SHA-256 (RFC 5869), so that a tag made for one purpose is never valid
// for another. See [Keys].
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every way of printing a Secret shows.
const redacted = "[redacted]"

// Secret is a password on its way through the process. No fmt verb, JSON
// encoder or slog handler shows its text, not even as an unexported field of
// another struct: the text is only reachable through a closure, which reflection
// cannot call or read. It is neither comparable nor usable as a map key.
type Secret struct{ reveal func() string }

// New wraps s. The zero Secret is an empty one.
func New(s string) Secret { return Secret{func() string { return s }} }

// Reveal returns the text. Call it where the secret is used up, not earlier.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format prints "[redacted]" for every verb and flag; without it, %d and %x
// would print the address of the closure.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]" to every slog handler.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
