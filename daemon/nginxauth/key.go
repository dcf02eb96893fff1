package nginxauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// keyHeader is what nginx's auth_http_header has to add.
const keyHeader = "X-Auth-Key"

// minKey and maxKey bound a secret, in bytes. nginx has room for more than that
// in a request, and 16 are too many to be guessed if they are random.
const (
	minKey = 16
	maxKey = 1024
)

// Key is the secret of who may ask. It keeps no more of it than is needed to know
// it again. The zero Key is none: everybody may ask.
type Key struct {
	hash [sha256.Size]byte
	set  bool
}

// NewKey makes a Key of a secret, which has to be a header's value: 16 to 1,024
// printable ASCII characters, with no blank at either end.
func NewKey(secret string) (Key, error) {
	switch {
	case len(secret) < minKey:
		return Key{}, fmt.Errorf("has less than %d characters", minKey)
	case len(secret) > maxKey:
		return Key{}, fmt.Errorf("has more than %d characters", maxKey)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }):
		return Key{}, errors.New("is not one line of printable ASCII")
	case strings.TrimSpace(secret) != secret:
		return Key{}, errors.New("begins or ends with a blank")
	}
	return Key{sha256.Sum256([]byte(secret)), true}, nil
}

// ReadKey makes a Key of the one line of a file. "" is no file, and no Key.
func ReadKey(path string) (Key, error) {
	if path == "" {
		return Key{}, nil
	}
	fail := func(err error) (Key, error) { return Key{}, fmt.Errorf("nginxauth: secret_file: %w", err) }
	info, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return fail(fmt.Errorf("%s is not a file", path))
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKey+3)) // a line's end, and one too many
	if err != nil {
		return fail(err)
	}
	k, err := NewKey(strings.TrimRight(string(text), "\r\n"))
	if err != nil {
		return fail(fmt.Errorf("%s %w", path, err))
	}
	return k, nil
}

// opens compares without telling by its time how much of a guess was right.
func (k Key) opens(given []string) bool {
	if !k.set {
		return true
	}
	if len(given) != 1 {
		return false
	}
	hash := sha256.Sum256([]byte(given[0]))
	return subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1
}
