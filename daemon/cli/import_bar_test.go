package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/term"
)

func TestProgressBar(t *testing.T) {
	var screen bytes.Buffer
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	b := progressBar{meter: &meter{w: &screen, now: func() time.Time { return now }}, what: "importing", size: 1000, begun: now}
	b.at(250, 1234)
	if got, want := screen.String(), "\r\x1b[Kimporting [#######.......................]  25 %  1,234 lines"; got != want {
		t.Errorf("drawn %q, want %q", got, want)
	}
	screen.Reset()
	b.at(260, 1300) // too soon
	if screen.Len() > 0 {
		t.Errorf("drawn at once again: %q", &screen)
	}
	now = now.Add(30 * time.Second)
	b.at(500, 2000)
	if !strings.HasSuffix(screen.String(), "50 %  2,000 lines, 30 s left") {
		t.Errorf("drawn %q", &screen)
	}
	screen.Reset()
	b.clear()
	b.clear()
	if screen.String() != "\r\x1b[K" {
		t.Errorf("cleared by %q", &screen)
	}

	// Nothing where nobody looks, and nothing of an empty file.
	im := &importing{app: &app{err: &screen, now: time.Now}}
	screen.Reset()
	for _, b := range []progressBar{im.newBar("checking"), {meter: &meter{w: &screen, now: time.Now}}} {
		b.at(1, 1)
		b.clear()
	}
	if screen.Len() > 0 {
		t.Errorf("drawn %q", &screen)
	}
}

// TestSecretsOntoTerminal refuses before anybody is asked.
func TestSecretsOntoTerminal(t *testing.T) {
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || !term.IsTerminal(int(pty.Fd())) {
		absent(t)("no terminals here")
	}
	defer pty.Close()
	var said bytes.Buffer
	a := &app{in: strings.NewReader(""), out: pty, err: &said, getenv: func(string) string { return "" }, now: time.Now, zone: time.UTC}
	if status := a.run([]string{"--config", "/nonexistent", "export", "--with-secrets"}); status != exitFailed || !strings.Contains(said.String(), "not printed onto a terminal") {
		t.Errorf("status %d: %s", status, &said)
	}
}
