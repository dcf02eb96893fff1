package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const planted = "hunter2-planted"

// TestSecretCannotBePrinted prints a secret in every way found to leak from
// simpler types: all verbs, as value, pointer, field, unexported field, map
// value, slice, and through JSON and slog.
func TestSecretCannotBePrinted(t *testing.T) {
	s := New(planted)
	type outer struct {
		Name   string
		Secret Secret
		hidden Secret
		ptr    *Secret
	}
	values := []any{
		s, &s, outer{"n", s, s, &s}, &outer{"n", s, s, &s}, []Secret{s}, [1]Secret{s},
		map[string]Secret{"k": s}, map[string]any{"k": s}, []any{s}, struct{ any }{s}, fmt.Errorf("wrapped: %v", s),
	}
	for _, v := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %o %b %c %U %t %e %g %p %T %10s %-10.3v %!") {
			check(t, verb, fmt.Sprintf(verb, v))
		}
		check(t, "Sprint", fmt.Sprint(v)+fmt.Sprintln(v))
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Errorf("JSON of %T: %v", v, err)
		}
		check(t, "JSON", string(encoded))
		var text, jsonLog bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "secret", v, slog.Any("any", v), slog.Group("g", "s", v))
		slog.New(slog.NewJSONHandler(&jsonLog, nil)).Info("m", "secret", v, slog.Any("any", v), slog.Group("g", "s", v))
		check(t, "slog text", text.String())
		check(t, "slog JSON", jsonLog.String())
	}
	if got := fmt.Sprintf("%s %v %d %#v", s, s, s, s); got != "[redacted] [redacted] [redacted] [redacted]" {
		t.Errorf("a secret prints as %q", got)
	}
}

func check(t *testing.T, how, printed string) {
	t.Helper()
	for _, leak := range []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%X", planted)} {
		if strings.Contains(printed, leak) {
			t.Errorf("%s shows the secret: %s", how, printed)
		}
	}
}

func TestSecretReveals(t *testing.T) {
	if got := New(planted).Reveal(); got != planted {
		t.Errorf("Reveal = %q", got)
	}
	var zero Secret
	if !zero.IsZero() || !New("").IsZero() || New("x").IsZero() || zero.Reveal() != "" {
		t.Error("IsZero is wrong")
	}
}

func TestKeysCannotBePrinted(t *testing.T) {
	master := [32]byte{0xde, 0xad, 0xbe, 0xef}
	k, err := NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, k); got != "key "+k.Generation() {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}
