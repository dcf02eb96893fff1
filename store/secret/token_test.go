package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	token, err := NewToken(strings.NewReader("planted in tests"))
	if err != nil || token.Text() != "cGxhbnRlZCBpbiB0ZXN0cw" {
		t.Fatalf("NewToken = %s, %v", token.Text(), err)
	}
	if back, err := ParseToken(token.Text()); err != nil || back != token {
		t.Errorf("%s reads back as %s, %v", token.Text(), back.Text(), err)
	}
	if _, err := NewToken(strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("with too little randomness: %v", err)
	}
	for _, bad := range []string{
		"", "cGxhbnRlZCBpbiB0ZXN0c", "cGxhbnRlZCBpbiB0ZXN0cwA", "cGxhbnRlZC1ieS1hLXRlc3Q",
		"cGxhbnRlZCBpbiB0ZXN0cx",                             // bits beyond the 128th
		"cGxhbnRlZCBpbiB0ZXN0\r\n", "\ncGxhbnRlZCBpbiB0ZXN0", // which the decoder skips
		"cGxhbnRlZCBpbiB0ZXN0c=", "cGxhbnRlZCBpbiB0ZXN0+w", " cGxhbnRlZCBpbiB0ZXN0c", "cGxhbnRlZCBpbiB0ZXN0\xff\xff",
	} {
		if got, err := ParseToken(bad); !errors.Is(err, ErrMalformedToken) || got != (Token{}) {
			t.Errorf("ParseToken(%q) = %s, %v", bad, got.Text(), err)
		}
	}
}

// TestTokensCannotBePrinted prints tokens and recovery codes in every way that
// their owners print structs.
func TestTokensCannotBePrinted(t *testing.T) {
	token, err := ParseToken("cGxhbnRlZCBpbiB0ZXN0cw")
	code, ok := FoldRecoveryCode("pantedhjkmnp")
	if err != nil || !ok {
		t.Fatal(err, ok)
	}
	type outer struct {
		Token Token
		Code  RecoveryCode
	}
	for _, v := range []any{token, code, &token, &code, outer{token, code}, &outer{token, code}, []RecoveryCode{code}, []any{token}} {
		var out bytes.Buffer
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %o %b %c %U %20s") {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Error(err)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		for _, leak := range []string{"cGxhbn", "planted", "706c61", "706C61", "112 108 97", "112,108,97", "panted", "70616e", "70616E", "112 97 110", "112,97,110", "0x70"} {
			if strings.Contains(out.String(), leak) {
				t.Errorf("%T shows %s:\n%s", v, leak, &out)
			}
		}
	}
}

func FuzzParseToken(f *testing.F) {
	for _, s := range []string{"cGxhbnRlZCBpbiB0ZXN0cw", "cGxhbnRlZCBpbiB0ZXN0cx", "AAAAAAAAAAAAAAAAAAAAAA", "\n\r\n", "______________________", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, err := ParseToken(s)
		if err != nil {
			if token != (Token{}) || !errors.Is(err, ErrMalformedToken) {
				t.Errorf("ParseToken(%q) = %s, %v", s, token.Text(), err)
			}
			return
		}
		if token.Text() != s {
			t.Errorf("%q has another spelling, %q", s, token.Text())
		}
	})
}
