package secret

import (
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	minBcryptCost = 4
	maxBcryptCost = 14 // each step doubles: 14 is about one second
	bcryptSize    = 22 + 31

	blfCrypt          = "blf-crypt"
	maxBcryptPassword = 72 // bytes that count
)

// newBcrypt reads "$2y$cost$salt and digest". The letters differ in nothing for
// passwords that a mail program sends; "$2x$", whose maker had a bug, is refused.
// As everywhere, bytes of the password behind the 72nd do not count.
func newBcrypt(stored string) (matcher, error) {
	fields := strings.Split(stored, "$")
	if len(fields) != 4 || !bcryptLetter(fields[1]) || fields[0] != "" || len(fields[2]) != 2 || !isCrypt(fields[3], bcryptSize, bcryptSize) {
		return nil, ErrMalformedHash
	}
	if _, err := parseRounds(strings.TrimPrefix(fields[2], "0"), minBcryptCost, maxBcryptCost); err != nil {
		return nil, err
	}
	return func(password Secret) (bool, error) {
		err := bcrypt.CompareHashAndPassword([]byte(stored), []byte(password.Reveal()))
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
			return false, nil
		}
		return false, ErrMalformedHash
	}, nil
}

func bcryptLetter(id string) bool { return id == "2y" || id == "2b" || id == "2a" }

// Truncates says whether stored has an end of this password left out: then the
// same hash has other passwords, too, and this one may not be its owner's.
func Truncates(stored string, password Secret) bool {
	s, _, err := find(stored)
	return err == nil && s.name == blfCrypt && len(password.Reveal()) > maxBcryptPassword
}
