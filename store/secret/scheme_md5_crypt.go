package secret

import (
	"strings"

	"github.com/go-crypt/x/crypt"
)

const (
	maxMD5CryptSalt = 8
	md5CryptSize    = 22
)

// newMD5Crypt reads "$1$salt$digest" (Poul-Henning Kamp's scheme of FreeBSD 2.0).
func newMD5Crypt(stored string) (matcher, error) {
	fields := strings.Split(stored, "$")
	if len(fields) != 4 || fields[0] != "" || fields[1] != "1" || !isSalt(fields[2], maxMD5CryptSalt) || !isCrypt(fields[3], md5CryptSize, md5CryptSize) {
		return nil, ErrMalformedHash
	}
	salt, key := []byte(fields[2]), fields[3]
	return func(password Secret) (bool, error) {
		return sameText(crypt.KeyMD5Crypt([]byte(password.Reveal()), salt), key), nil
	}, nil
}
