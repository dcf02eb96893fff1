package secret

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"

	"github.com/go-crypt/x/crypt"
)

// Rounds of SHA-crypt (Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512").
// Some password tools make hashes of 656,000 rounds.
const (
	shaCryptRounds    = 5000 // where none are named
	minSHACryptRounds = 1000
	maxSHACryptRounds = 1_000_000
	maxSHACryptSalt   = 16
	// The work of a round grows with the password: at most so many rounds times
	// the blocks of shaCryptBlock bytes that the password begins.
	maxSHACryptWork = 2 * maxSHACryptRounds
	shaCryptBlock   = 64
)

func newSHA256Crypt(stored string) (matcher, error) { return newSHACrypt(stored, "5", 43, sha256.New) }
func newSHA512Crypt(stored string) (matcher, error) { return newSHACrypt(stored, "6", 86, sha512.New) }

// newSHACrypt reads "$6$rounds=n$salt$digest"; rounds may be missing.
func newSHACrypt(stored, id string, size int, digest func() hash.Hash) (matcher, error) {
	fields := strings.Split(stored, "$")
	rounds := shaCryptRounds
	if len(fields) == 5 {
		number, ok := strings.CutPrefix(fields[2], "rounds=")
		if !ok {
			return nil, ErrMalformedHash
		}
		var err error
		if rounds, err = parseRounds(number, minSHACryptRounds, maxSHACryptRounds); err != nil {
			return nil, err
		}
		fields = append(fields[:2], fields[3:]...)
	}
	if len(fields) != 4 || fields[0] != "" || fields[1] != id || !isSalt(fields[2], maxSHACryptSalt) || !isCrypt(fields[3], size, size) {
		return nil, ErrMalformedHash
	}
	salt, key := []byte(fields[2]), fields[3]
	return func(password Secret) (bool, error) {
		tried := []byte(password.Reveal())
		if rounds*(1+len(tried)/shaCryptBlock) > maxSHACryptWork {
			return false, ErrTooCostly
		}
		return sameText(crypt.KeySHACrypt(digest, tried, salt, rounds), key), nil
	}, nil
}
