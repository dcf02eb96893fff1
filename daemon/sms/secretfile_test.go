package sms

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReadSecret(t *testing.T) {
	for text, want := range map[string]string{
		"a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a", " a b \n": " a b ", "é密": "é密", strings.Repeat("a", maxSecret): strings.Repeat("a", maxSecret),
	} {
		if got, err := readSecret(secretFile(t, text)); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"missing": pipe + "x", "folder": t.TempDir(), "pipe without a writer": pipe,
		"empty": secretFile(t, ""), "only a newline": secretFile(t, "\n"), "two lines": secretFile(t, testSecret+"\n"+testSecret),
		"zero byte": secretFile(t, testSecret+"\x00"), "not text": secretFile(t, testSecret+"\xff"),
		"long": secretFile(t, testSecret+strings.Repeat("a", maxSecret)), "longer by a newline": secretFile(t, strings.Repeat("a", maxSecret+1)+"\n"),
	} {
		got, err := readSecret(path)
		if err == nil || got != "" || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		tellsNothing(t, err.Error())
	}
}
