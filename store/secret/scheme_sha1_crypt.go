package secret

import (
	"strings"

	"github.com/go-crypt/x/crypt"
)

const (
	maxSHA1CryptRounds = 1_000_000 // NetBSD's own default is some 24,000
	maxSHA1CryptSalt   = 64
	sha1CryptSize      = 28
)

// newSHA1Crypt reads "$sha1$rounds$salt$digest" (NetBSD's crypt-sha1.c).
func newSHA1Crypt(stored string) (matcher, error) {
	fields := strings.Split(stored, "$")
	if len(fields) != 5 || fields[0] != "" || fields[1] != "sha1" || !isSalt(fields[3], maxSHA1CryptSalt) || !isCrypt(fields[4], sha1CryptSize, sha1CryptSize) {
		return nil, ErrMalformedHash
	}
	rounds, err := parseRounds(fields[2], 1, maxSHA1CryptRounds)
	if err != nil {
		return nil, err
	}
	salt, key := []byte(fields[3]), fields[4]
	return func(password Secret) (bool, error) {
		return sameText(crypt.KeySHA1Crypt([]byte(password.Reveal()), salt, uint32(rounds)), key), nil
	}, nil
}
