package secret

import (
	"strings"

	"github.com/go-crypt/x/yescrypt"
)

// Cost of yescrypt: 128 bytes times r times 2 to the power of ln of memory. The
// default of libxcrypt, "j9T", takes 16 MiB.
const (
	minYescryptLn  = 10
	maxYescryptLn  = 18
	maxYescryptR   = 32
	maxYescryptMiB = 64
	yescryptSize   = 43
)

// newYescrypt reads "$y$params$salt$digest" with those parameters that libxcrypt
// makes: "j", a digit for ln, a digit for r.
func newYescrypt(stored string) (matcher, error) {
	fields := strings.Split(stored, "$")
	if len(fields) != 5 || fields[0] != "" || fields[1] != "y" || !isCrypt(fields[3], 2, 86) || !isCrypt(fields[4], yescryptSize, yescryptSize) {
		return nil, ErrMalformedHash
	}
	params := fields[2]
	if len(params) < 3 || params[0] != 'j' || !isCrypt(params, 3, 10) {
		return nil, ErrMalformedHash
	}
	ln, r := 1+strings.IndexByte(cryptDigits, params[1]), 1+strings.IndexByte(cryptDigits, params[2])
	switch {
	case len(params) > 3: // more passes, or numbers of more than one digit
		return nil, ErrTooCostly
	case ln > maxYescryptLn || r > maxYescryptR || r<<ln>>13 > maxYescryptMiB:
		return nil, ErrTooCostly
	case ln < minYescryptLn:
		return nil, ErrMalformedHash
	}
	salt, key := yescrypt.Decode64([]byte(fields[3])), fields[4]
	if salt == nil {
		return nil, ErrMalformedHash
	}
	return func(password Secret) (bool, error) {
		sum, err := yescrypt.Key([]byte(password.Reveal()), salt, 1<<ln, r, 1, 32)
		if err != nil {
			return false, ErrMalformedHash
		}
		return sameText(yescrypt.Encode64(sum), key), nil
	}, nil
}
