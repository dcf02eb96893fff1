package secret

import (
	"errors"
	"io"
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
	_, match, err := find(stored)
	if err != nil {
		return false, err
	}
	return match(password)
}
