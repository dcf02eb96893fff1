package secret

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNewRecoveryCode(t *testing.T) {
	// 252 is the last byte that is taken, 253 is thrown away.
	in := append([]byte{0, 22, 23, 252, 253, 254, 255}, bytes.Repeat([]byte{1}, 17)...)
	code, err := NewRecoveryCode(bytes.NewReader(in))
	if err != nil || code.Group() != "azaz-bbbb-bbbb" {
		t.Errorf("NewRecoveryCode = %s, %v", code.Group(), err)
	}
	if _, err := NewRecoveryCode(bytes.NewReader(in[:5])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("with too little randomness: %v", err)
	}
	first, _ := NewRecoveryCode(rand.NewChaCha8([32]byte{1}))
	second, _ := NewRecoveryCode(rand.NewChaCha8([32]byte{2}))
	if first == second {
		t.Error("two sources give one code")
	}
}

func TestFoldRecoveryCode(t *testing.T) {
	const want = "abcd-efgh-jkmn"
	for _, in := range []string{want, "abcdefghjkmn", "ABCD EFGH JKMN", " Abcd\tefgh\u00a0jk\u3000mn-"} {
		if got, ok := FoldRecoveryCode(in); !ok || got.Group() != want {
			t.Errorf("FoldRecoveryCode(%q) = %s, %v", in, got.Group(), ok)
		}
	}
	for _, in := range []string{
		"", "abcd-efgh-jkm", "abcd-efgh-jkmnp", "abcdefghjkmnpqrs", "abcd-efgh-jkml", "abcd.efgh.jkmn",
		"abcd-efgh-jkmn\n", "ａbcd-efgh-jkmn", "abcd-efgh-jkm1", want + strings.Repeat(" ", 128),
	} {
		if got, ok := FoldRecoveryCode(in); ok || got != (RecoveryCode{}) {
			t.Errorf("FoldRecoveryCode(%q) = %s, %v; want a refusal", in, got.Group(), ok)
		}
	}
}

func FuzzFoldRecoveryCode(f *testing.F) {
	for _, s := range []string{"abcd-efgh-jkmn", "ABCD EFGH\tJKMN", "abcdefghjkmnpqrs", "\u00a0\u3000", "\xff\xc2", "abcdefghjkmi"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, ok := FoldRecoveryCode(s)
		if !ok {
			if code != (RecoveryCode{}) {
				t.Errorf("a refusal hands out %s", code.Group())
			}
			return
		}
		for _, c := range code {
			if strings.IndexByte(AppPasswordLetters, c) < 0 {
				t.Errorf("%q folds to %s", s, code.Group())
			}
		}
		if again, ok := FoldRecoveryCode(code.Group()); !ok || again != code {
			t.Errorf("%q is not stable", s)
		}
		if _, ok := FoldAppPassword(s); ok {
			t.Errorf("%q is both a recovery code and an app password", s)
		}
	})
}
