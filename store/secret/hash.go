package secret

import (
	"errors"
	"io"
	"strings"
)

// Errors of stored password hashes. None of them quotes the hash.
var (
	// ErrUnknownScheme means that the stored text is of no scheme known here.
	ErrUnknownScheme = errors.New("secret: unknown password scheme")
	// ErrMalformedHash means that the scheme is known and the rest is broken.
	ErrMalformedHash = errors.New("secret: malformed password hash")
	// ErrTooCostly means that checking the hash would take more than 64 MiB or
	// more work than is sane; a hostile import could stop the daemon with it.
	ErrTooCostly = errors.New("secret: password hash is too costly to check")
)

// MaxStored bounds the length of a stored hash in bytes.
const MaxStored = 512

// scheme is one way of keeping a password: a file scheme_*.go each.
type scheme struct {
	// prefixes are the beginnings by which a stored text is recognised: the
	// crypt(3) form and Dovecot's {SCHEME} form (Dovecot: src/auth/password-scheme.c).
	prefixes []string
	// match compares in constant time; rest is the stored text without any
	// {SCHEME} prefix.
	match func(rest string, password Secret) (bool, error)
}

// schemes lists what Match understands, likeliest first.
func schemes() []scheme {
	return []scheme{
		{prefixes: []string{"$argon2id$", "{ARGON2ID}"}, match: matchArgon2id},
	}
}

// Hash makes a new stored hash of password: Argon2id in PHC form,
// "$argon2id$v=19$m=19456,t=2,p=1$salt$hash". It takes tens of milliseconds and
// cost.MemoryKiB of memory: call it where that hurts nobody.
func Hash(rand io.Reader, password Secret, cost Cost) (string, error) {
	return hashArgon2id(rand, password, cost)
}

// Match reports whether password is the one that stored was made of. An error
// (ErrUnknownScheme, ErrMalformedHash, ErrTooCostly) is not a "no": nobody
// looked. It costs what the stored hash says, within the bounds of ErrTooCostly.
func Match(stored string, password Secret) (bool, error) {
	if len(stored) > MaxStored {
		return false, ErrMalformedHash
	}
	for _, s := range schemes() {
		for _, prefix := range s.prefixes {
			if len(stored) < len(prefix) || !strings.EqualFold(stored[:len(prefix)], prefix) {
				continue
			}
			if prefix[0] == '{' {
				return s.match(stored[len(prefix):], password)
			}
			return s.match(stored, password)
		}
	}
	return false, ErrUnknownScheme
}
