package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// RecoveryCodeLen is the number of letters in a recovery code.
const RecoveryCodeLen = 12

// RecoveryCode is 12 letters of AppPasswordLetters, 54 random bits: one of the
// recovery codes that a person keeps on paper, or the helpdesk's one-time code.
// Only its tag is kept (Keys.RecoveryTag, Keys.HelpdeskTag). It has fewer bits
// than an app password because tries are counted wherever it is taken. Nothing
// but Group shows it.
type RecoveryCode [RecoveryCodeLen]byte

// NewRecoveryCode draws 12 letters evenly.
func NewRecoveryCode(rand io.Reader) (RecoveryCode, error) {
	var c RecoveryCode
	if err := drawLetters(rand, c[:]); err != nil {
		return RecoveryCode{}, fmt.Errorf("secret: drawing a recovery code: %w", err)
	}
	return c, nil
}

// FoldRecoveryCode brings what a person typed to the 12 letters, by the rules of
// FoldAppPassword.
func FoldRecoveryCode(s string) (RecoveryCode, bool) {
	var c RecoveryCode
	if !foldLetters(c[:], s) {
		return RecoveryCode{}, false
	}
	return c, true
}

// Group prints the letters the way people are shown them: "abcd-efgh-jkmn".
// FoldRecoveryCode undoes it.
func (c RecoveryCode) Group() string {
	return string(c[0:4]) + "-" + string(c[4:8]) + "-" + string(c[8:12])
}

// String returns "[redacted]".
func (RecoveryCode) String() string { return redacted }

// GoString returns "[redacted]".
func (RecoveryCode) GoString() string { return redacted }

// Format prints "[redacted]" for every verb and flag.
func (RecoveryCode) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]" to every slog handler.
func (RecoveryCode) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (RecoveryCode) MarshalText() ([]byte, error) { return []byte(redacted), nil }
