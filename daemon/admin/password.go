package admin

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Password is a secret as a field of a question or an answer. JSON is the one
// form that shows it: everything else prints "[redacted]".
type Password struct{ secret.Secret }

// MarshalJSON shows the secret: it is on its way to the one who asked. Bytes that
// are not UTF-8 are refused; encoding/json would put others in their place.
func (p Password) MarshalJSON() ([]byte, error) {
	if !utf8.ValidString(p.Reveal()) {
		return nil, errPassword
	}
	return json.Marshal(p.Reveal())
}

// MarshalText never does.
func (p Password) MarshalText() ([]byte, error) { return p.Secret.MarshalText() }

// errPassword must not quote what was there instead.
var errPassword = errors.New("admin: a password is a JSON string in UTF-8")

// UnmarshalJSON reads a string.
func (p *Password) UnmarshalJSON(b []byte) error {
	var s string
	if !utf8.Valid(b) || json.Unmarshal(b, &s) != nil {
		return errPassword
	}
	p.Secret = secret.New(s)
	return nil
}
