package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSystem: who may read the key file, and a clock that cannot be right.
func TestSystem(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	look := func() string { return show(CheckSystem(dir, file, now)) }
	if got := look(); !strings.Contains(got, "note     "+file+": no key file") || !strings.Contains(got, "MiB free") {
		t.Error(got)
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := look(); !strings.Contains(got, "good     "+file+" is readable for its owner only") {
		t.Error(got)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := look(); !strings.Contains(got, "warning  "+file+" may be read or changed by others") || !strings.Contains(got, "| chmod 0600 "+file) {
		t.Error(got)
	}
	now = time.Unix(0, 0).UTC()
	if got := look(); !strings.Contains(got, "warning  the clock says 1970-01-01 00:00:00 UTC, which cannot be") {
		t.Error(got)
	}
	dir = filepath.Join(dir, "none")
	if got := look(); !strings.Contains(got, "warning  "+dir+": free disk space cannot be told") {
		t.Error(got)
	}
}

// TestRunPath: what a program prints is bounded, and its complaint is told on one
// line; nothing of our environment reaches it.
func TestRunPath(t *testing.T) {
	const shell = "/bin/sh"
	t.Setenv("LATCHKEY_TEST", "a secret")
	out, err := runPath(t.Context(), shell, "-c", `echo "$LATCHKEY_TEST$LC_ALL"`)
	if err != nil || string(out) != "C\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := runPath(t.Context(), shell, "-c", "printf 'a\\033b\\nc\\n' >&2; exit 3"); err == nil || err.Error() != "exit status 3: a?b" {
		t.Errorf("%v", err)
	}
	if _, err := runPath(t.Context(), shell, "-c", "while :; do echo 0123456789012345678901234567890123456789; done"); err != errTooLong {
		t.Errorf("endless: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runPath(ctx, shell, "-c", "sleep 60"); err == nil {
		t.Error("a run that was given up")
	}
	if _, err := RunProgram(t.Context(), "no-such-program"); err != ErrAbsent {
		t.Errorf("%v", err)
	}
}
