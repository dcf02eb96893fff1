package secret

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"strings"
)

const (
	maxSCRAMRounds = 1_000_000
	maxSCRAMSalt   = 64
)

func newSCRAMSHA1(stored string) (matcher, error)   { return newSCRAM(stored, sha1.Size, sha1.New) }
func newSCRAMSHA256(stored string) (matcher, error) { return newSCRAM(stored, sha256.Size, sha256.New) }

// newSCRAM reads Dovecot's "rounds,salt,stored key,server key", the last three in
// base64 (Dovecot: src/auth/password-scheme-scram.c; keys: RFC 5802 section 3). A
// password is right if both keys follow from it.
func newSCRAM[H hash.Hash](stored string, size int, digest func() H) (matcher, error) {
	fields := strings.Split(stored, ",")
	if len(fields) != 4 {
		return nil, ErrMalformedHash
	}
	rounds, err := parseRounds(fields[0], 1, maxSCRAMRounds)
	if err != nil {
		return nil, err
	}
	var parts [3][]byte
	for i, field := range fields[1:] {
		if parts[i], err = asBase64.decode(field, 0); err != nil {
			return nil, err
		}
	}
	salt, storedKey, serverKey := parts[0], parts[1], parts[2]
	if len(salt) == 0 || len(salt) > maxSCRAMSalt || len(storedKey) != size || len(serverKey) != size {
		return nil, ErrMalformedHash
	}
	newHash := func() hash.Hash { return digest() }
	keyed := func(key []byte, text string) []byte {
		m := hmac.New(newHash, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	return func(password Secret) (bool, error) {
		salted, err := pbkdf2.Key(digest, password.Reveal(), salt, rounds, size)
		if err != nil {
			return false, ErrMalformedHash
		}
		sum := digest()
		sum.Write(keyed(salted, "Client Key"))
		same := subtle.ConstantTimeCompare(sum.Sum(nil), storedKey)
		same &= subtle.ConstantTimeCompare(keyed(salted, "Server Key"), serverKey)
		return same == 1, nil
	}, nil
}
