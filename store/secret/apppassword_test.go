package secret

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNewAppPasswordLetters(t *testing.T) {
	// 0 and 252 are the ends of the accepted bytes, 253 is thrown away.
	in := append([]byte{0, 22, 23, 252, 253, 254, 255}, bytes.Repeat([]byte{1}, 25)...)
	got, err := NewAppPassword(bytes.NewReader(in))
	if err != nil || string(got[:]) != "azazbbbbbbbbbbbb" {
		t.Errorf("NewAppPassword = %s, %v", got, err)
	}
	if _, err := NewAppPassword(bytes.NewReader(in[:10])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("with too little randomness: %v", err)
	}
}

// TestNewAppPasswordEven bounds chi-square over 23 letters: with 22 degrees of
// freedom it exceeds 48.3 once in a thousand. A plain b%23 gives over 300 here.
func TestNewAppPasswordEven(t *testing.T) {
	source := rand.NewChaCha8([32]byte{7})
	const passwords = 20_000
	var counts [256]int
	for range passwords {
		letters, err := NewAppPassword(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range letters {
			counts[c]++
		}
	}
	expected := float64(passwords*AppPasswordLen) / float64(len(AppPasswordLetters))
	chi, total := 0.0, 0
	for _, c := range []byte(AppPasswordLetters) {
		chi += math.Pow(float64(counts[c])-expected, 2) / expected
		total += counts[c]
	}
	if total != passwords*AppPasswordLen {
		t.Errorf("%d letters are not of the alphabet", passwords*AppPasswordLen-total)
	}
	if chi > 48.3 {
		t.Errorf("chi-square %.1f: letters are not even", chi)
	}
	if len(AppPasswordLetters) != 23 || strings.ContainsAny(AppPasswordLetters, "ilo") {
		t.Errorf("alphabet %s", AppPasswordLetters)
	}
}

func TestFoldAppPassword(t *testing.T) {
	const want = "abcdefghjkmnpqrs"
	for _, in := range []string{
		want, "ABCDEFGHJKMNPQRS", "abcd efgh jkmn pqrs", "abcd-efgh-jkmn-pqrs", " Abcd\tEfgh\u00a0jkmn\u3000pqrs ",
		"a b c d e f g h j k m n p q r s", "--abcdefghjkmnpqrs--", strings.Repeat(" ", 112) + want,
	} {
		if got, ok := FoldAppPassword(in); !ok || string(got[:]) != want {
			t.Errorf("FoldAppPassword(%q) = %s, %v", in, got, ok)
		}
	}
	for _, in := range []string{
		"", "abcdefghjkmnpqr", "abcdefghjkmnpqrst", // 15 and 17
		"ibcdefghjkmnpqrs", "lbcdefghjkmnpqrs", "obcdefghjkmnpqrs", // look-alikes
		"Ibcdefghjkmnpqrs", "Lbcdefghjkmnpqrs", "Obcdefghjkmnpqrs",
		"1bcdefghjkmnpqrs", "0bcdefghjkmnpqrs", "abcdefghjkmnpqr.", "abcd_efgh_jkmn_pqrs",
		"ａbcdefghjkmnpqrs", "\u212abcdefghjkmnpqrs", "абcdefghjkmnpqrs", // full width, Kelvin, Cyrillic
		"abcdefghjkmnpqrs\n", "abcdefghjkmnpqrs\x00", "abcdefghjkmnpqrs\xff", "\u2003abcdefghjkmnpqrs",
		strings.Repeat(" ", 113) + want, // beyond the bound
	} {
		if got, ok := FoldAppPassword(in); ok || got != [16]byte{} {
			t.Errorf("FoldAppPassword(%q) = %s, %v; want a refusal", in, got, ok)
		}
	}
}

func TestGroupAppPassword(t *testing.T) {
	if got := GroupAppPassword([16]byte([]byte("abcdefghjkmnpqrs"))); got != "abcd efgh jkmn pqrs" {
		t.Errorf("GroupAppPassword = %q", got)
	}
}

func TestFoldAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { FoldAppPassword("Abcd efgh\u00a0jkmn-pqrs") }); n != 0 {
		t.Errorf("FoldAppPassword allocates %v times", n)
	}
}

func FuzzFoldAppPassword(f *testing.F) {
	for _, s := range []string{"abcdefghjkmnpqrs", "ABCD efgh-jkmn\tpqrs", "\u00a0\u3000", "\xff\xc2", "abcdefghjkmnpqrsi"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		letters, ok := FoldAppPassword(s)
		if !ok {
			if letters != [16]byte{} {
				t.Errorf("a refusal hands out %q", letters)
			}
			return
		}
		for _, c := range letters {
			if strings.IndexByte(AppPasswordLetters, c) < 0 {
				t.Errorf("%q folds to %q", s, letters)
			}
		}
		if again, ok := FoldAppPassword(GroupAppPassword(letters)); !ok || again != letters {
			t.Errorf("%q is not stable: %q, then %q", s, letters, again)
		}
	})
}
