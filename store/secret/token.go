package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ErrMalformedToken means that a text is no token's.
var ErrMalformedToken = errors.New("secret: malformed token")

// Token is what a browser proves a session or a trusted device with: 128 random
// bits in a cookie. Only its tag is kept (Keys.SessionTag, Keys.DeviceTag).
// Nothing but Text shows it. (Package fmt would, as an unexported field of a
// struct that is printed: keep it in variables and exported fields.)
type Token [16]byte

// NewToken draws a token.
func NewToken(rand io.Reader) (Token, error) {
	var t Token
	if _, err := io.ReadFull(rand, t[:]); err != nil {
		return Token{}, fmt.Errorf("secret: drawing a token: %w", err)
	}
	return t, nil
}

// ParseToken reads Text's form and no other spelling of it: the rest is
// ErrMalformedToken.
func ParseToken(s string) (Token, error) {
	var t Token
	if len(s) != base64.RawURLEncoding.EncodedLen(len(t)) {
		return Token{}, ErrMalformedToken
	}
	// The decoder skips line breaks, so that what it wrote is counted, too.
	n, err := base64.RawURLEncoding.Strict().Decode(t[:], []byte(s))
	if err != nil || n != len(t) {
		return Token{}, ErrMalformedToken
	}
	return t, nil
}

// Text returns 22 characters of base64url, for the cookie.
func (t Token) Text() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// String returns "[redacted]".
func (Token) String() string { return redacted }

// GoString returns "[redacted]".
func (Token) GoString() string { return redacted }

// Format prints "[redacted]" for every verb and flag.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]" to every slog handler.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }
