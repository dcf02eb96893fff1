package secret

import (
	"fmt"
	"io"
	"strings"
)

// AppPasswordLetters is the alphabet of app passwords: the lower-case letters
// without i, l and o, which people mistake for 1 and 0.
const AppPasswordLetters = "abcdefghjkmnpqrstuvwxyz"

// AppPasswordLen is the number of letters in an app password.
const AppPasswordLen = 16

// maxTypedLen bounds, in bytes, what foldLetters looks at. Sixteen letters
// with a three-byte ideographic space between any two fit several times.
const maxTypedLen = 128

// NewAppPassword draws 16 letters evenly from AppPasswordLetters.
func NewAppPassword(rand io.Reader) ([16]byte, error) {
	var letters [AppPasswordLen]byte
	if err := drawLetters(rand, letters[:]); err != nil {
		return [16]byte{}, fmt.Errorf("secret: drawing an app password: %w", err)
	}
	return letters, nil
}

// drawLetters fills letters, 16 at most, evenly from AppPasswordLetters.
func drawLetters(rand io.Reader, letters []byte) error {
	// 253 is the largest multiple of 23 that fits in a byte: bytes above it are
	// thrown away, so that no letter is likelier than another.
	const n = len(AppPasswordLetters)
	const limit = 256 / n * n
	var space [AppPasswordLen]byte
	random := space[:len(letters)]
	for have := 0; have < len(letters); {
		if _, err := io.ReadFull(rand, random); err != nil {
			return err
		}
		for _, b := range random {
			if int(b) < limit && have < len(letters) {
				letters[have] = AppPasswordLetters[int(b)%n]
				have++
			}
		}
	}
	return nil
}

// FoldAppPassword brings what a person typed or pasted to the 16 letters that
// were shown to them: it folds ASCII case and drops blanks (U+0020, U+00A0,
// U+3000, TAB) and '-'. It reports true only if exactly 16 letters of
// AppPasswordLetters remain and nothing else was there; i, l and o are refused,
// not guessed at. It allocates nothing.
func FoldAppPassword(s string) ([16]byte, bool) {
	var letters [AppPasswordLen]byte
	if !foldLetters(letters[:], s) {
		return [16]byte{}, false
	}
	return letters, true
}

// foldLetters fills letters with what s folds to; false if that is not exactly
// as many.
func foldLetters(letters []byte, s string) bool {
	if len(s) > maxTypedLen {
		return false
	}
	n := 0
	for _, r := range s {
		switch r {
		case ' ', '\u00a0', '\u3000', '\t', '-':
			continue
		}
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if !isLetter(r) || n == len(letters) {
			return false
		}
		letters[n] = byte(r)
		n++
	}
	return n == len(letters)
}

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' && r != 'i' && r != 'l' && r != 'o'
}

// GroupAppPassword prints the letters the way people are shown them, in four
// groups: "abcd efgh jkmn pqrs". FoldAppPassword undoes it.
func GroupAppPassword(letters [16]byte) string {
	var b strings.Builder
	b.Grow(AppPasswordLen + 3)
	for i := 0; i < AppPasswordLen; i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.Write(letters[i : i+4])
	}
	return b.String()
}
