package secret

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

const (
	maxPBKDF2Rounds = 1_000_000
	maxPBKDF2Salt   = 64
)

// newPBKDF2 reads Dovecot's "$1$salt$rounds$digest in hex": PBKDF2 (RFC 8018) with
// HMAC-SHA-1 (Dovecot: src/auth/password-scheme-pbkdf2.c). The salt is text.
func newPBKDF2(stored string) (matcher, error) {
	fields := strings.Split(stored, "$")
	if len(fields) != 5 || fields[0] != "" || fields[1] != "1" || !isSalt(fields[2], maxPBKDF2Salt) {
		return nil, ErrMalformedHash
	}
	rounds, err := parseRounds(fields[3], 1, maxPBKDF2Rounds)
	if err != nil {
		return nil, err
	}
	salt := []byte(fields[2])
	key, err := hex.DecodeString(fields[4])
	if err != nil || len(key) != sha1.Size {
		return nil, ErrMalformedHash
	}
	return func(password Secret) (bool, error) {
		sum, err := pbkdf2.Key(sha1.New, password.Reveal(), salt, rounds, sha1.Size)
		if err != nil {
			return false, ErrMalformedHash
		}
		return subtle.ConstantTimeCompare(sum, key) == 1, nil
	}, nil
}
