package sms

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Purpose says what a code is asked for. A code for one purpose opens no other,
// so each has its own sentence.
type Purpose string

// The purposes.
const (
	SignIn  Purpose = "sign-in" // the second step of signing in
	Bind    Purpose = "bind"    // this phone becomes the account's second step
	Change  Purpose = "change"  // this phone takes the place of another
	Confirm Purpose = "confirm" // the second step is asked again before a change
)

// purposes is all of them.
var purposes = [...]Purpose{SignIn, Bind, Change, Confirm}

// The languages of a message. Every other is taken for Chinese.
const (
	Chinese = "zh-CN"
	English = "en"
)

// Bounds of a message.
const (
	maxSite    = 255 // characters, as long as a host name; from 17 on a text may need more than one short message
	maxMinutes = 99
)

// Message is one code on its way to one phone. It is printed, logged and
// marshaled without its code and most of its number; keep it out of unexported
// fields, which fmt prints behind the methods' back.
type Message struct {
	To       string // E.164: "+8613812345678"
	Purpose  Purpose
	Language string // Chinese or English
	Site     string // the portal's name, as people know it
	Code     [6]byte
	Minutes  int // how long the code works
}

// ErrMessage is a message that no sender takes.
var ErrMessage = errors.New("sms: not a message")

// check keeps out what has no place in a request: senders call it first.
func (m Message) check() error {
	digits, plus := strings.CutPrefix(m.To, "+")
	switch {
	case !plus || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' || !allDigits(digits):
		return fmt.Errorf("%w: its number has not the form of E.164", ErrMessage)
	case !allDigits(string(m.Code[:])):
		return fmt.Errorf("%w: its code is not six digits", ErrMessage)
	case m.Minutes < 1 || m.Minutes > maxMinutes:
		return fmt.Errorf("%w: its minutes are not 1 to %d", ErrMessage, maxMinutes)
	case m.Site == "" || !utf8.ValidString(m.Site) || utf8.RuneCountInString(m.Site) > maxSite || strings.ContainsFunc(m.Site, unicode.IsControl):
		return fmt.Errorf("%w: its site is not a name of 1 to %d characters", ErrMessage, maxSite)
	}
	for _, known := range purposes {
		if m.Purpose == known {
			return nil
		}
	}
	return fmt.Errorf("%w: its purpose is unknown", ErrMessage)
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// String shows what may be shown: purpose, language and a masked number.
func (m Message) String() string {
	purpose := Purpose("?")
	for _, known := range purposes {
		if m.Purpose == known {
			purpose = known
		}
	}
	return "text message (" + string(purpose) + ") to " + mask(m.To)
}

// mask leaves the first four and the last two characters of a number, and
// nothing of what is too short for that.
func mask(to string) string {
	if len(to) < 10 {
		return "****"
	}
	return to[:4] + "****" + to[len(to)-2:]
}

// GoString is String.
func (m Message) GoString() string { return m.String() }

// Format prints String for every verb and flag.
func (m Message) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue is String, for every slog handler.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText is String, in JSON, too.
func (m Message) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
