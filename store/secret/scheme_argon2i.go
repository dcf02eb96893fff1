package secret

import (
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
)

// newArgon2i is Argon2i (RFC 9106), which Dovecot offers beside Argon2id. Its
// text and its bounds are the same.
func newArgon2i(stored string) (matcher, error) {
	p, err := parseArgon2("argon2i", stored)
	if err != nil {
		return nil, err
	}
	return func(password Secret) (bool, error) {
		key := argon2.Key([]byte(password.Reveal()), p.salt, p.cost.Time, p.cost.MemoryKiB, p.cost.Threads, uint32(len(p.hash)))
		return subtle.ConstantTimeCompare(key, p.hash) == 1, nil
	}, nil
}
