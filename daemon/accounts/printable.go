package accounts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is a text from outside fit for one line of a log or a terminal: each
// character that is not printable is a '?', and so is each byte that is no UTF-8.
// Names and reasons are refused if they are not their own Printable.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if IsPrintable(r) {
			return r
		}
		return '?'
	}, s)
}

// IsPrintable is false for characters that do something else than stand in a
// line: controls (line breaks, escape sequences of terminals), format characters
// (among them those that turn the writing direction, Unicode TR 36 section 2.6,
// and zero-width ones), line separators, surrogates, private use and unassigned
// ones; and for U+FFFD, which stands for what could not be read. The joiners that
// Indic and Persian writing and emoji need are printable.
func IsPrintable(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	return r != utf8.RuneError && unicode.IsGraphic(r) || r == zeroWidthNonJoiner || r == zeroWidthJoiner
}
