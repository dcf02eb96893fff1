package nginxauth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKey(t *testing.T) {
	const secret = "0123456789 abcde"
	k, err := NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]bool{secret: true, "": false, secret + "f": false, secret[1:]: false, strings.ToUpper(secret): false} {
		if k.opens([]string{given}) != want {
			t.Errorf("%q: %v", given, !want)
		}
	}
	if k.opens(nil) || k.opens([]string{secret, secret}) {
		t.Error("none, or two")
	}
	if !(Key{}).opens(nil) {
		t.Error("no secret is wanted, and one is missed")
	}
}

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	for text, want := range map[string]string{
		"0123456789abcdef":               "",
		"0123456789abcdef\r\n":           "",
		strings.Repeat("x", 1024) + "\n": "",
		"":                               "has less than 16 characters",
		"0123456789abcde\n":              "has less than 16 characters",
		strings.Repeat("x", 1025):        "has more than 1024 characters",
		strings.Repeat("x", 9000):        "has more than 1024 characters",
		"0123456789abcdef\nSECRET":       "is not one line of printable ASCII",
		"0123456789abcdefé":              "is not one line of printable ASCII",
		" 0123456789abcdef":              "begins or ends with a blank",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := ReadKey(file)
		if want == "" {
			if err != nil || !k.opens([]string{strings.TrimRight(text, "\r\n")}) {
				t.Errorf("%.20q: %v", text, err)
			}
			continue
		}
		if err == nil || err.Error() != "nginxauth: secret_file: "+file+" "+want || k.set {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, filepath.Join(dir, "none")} {
		if k, err := ReadKey(path); err == nil || k.set {
			t.Errorf("%s: %v", path, err)
		}
	}
	if k, err := ReadKey(""); err != nil || k.set {
		t.Errorf("no file: %v", err)
	}
}
