package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
)

// demoFor returns options for a demo in a folder of its own, which has to be
// empty at the end.
func demoFor(t *testing.T, out io.Writer) demoOptions {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		os.RemoveAll(dir)
	})
	return demoOptions{out: out, hasher: hasher.Options{
		Workers: 1,
		Cost:    hasher.TinyCost(),
		Start:   func() (hasher.Worker, error) { return hasher.Local(), nil },
	}}
}

func TestDemoExit(t *testing.T) {
	var out bytes.Buffer
	o := demoFor(t, &out)
	o.exit = true
	if err := runDemo(t.Context(), o); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	text := out.String()
	if n := strings.Count(text, "✓"); n != 16 || strings.Contains(text, "✗") {
		t.Errorf("%d steps came as expected:\n%s", n, text)
	}
	for _, want := range []string{"535 5.7.8 Sign-in refused.", "NO [ALERT] Sign-in refused.", "login rejected        phone bound", "app password revoked"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colour without a terminal")
	}
}

// A step that does not come as expected fails the demo, each in its own way.
func TestDemoWrongExpectation(t *testing.T) {
	for _, test := range []struct {
		name string
		step int
		want demoResult
		text string
	}{
		{"word", 2, demoResult{word: demoRefused}, "demo: step 2 (IMAP with the main password): expected refused, got accepted"},
		{"sentence", 7, demoResult{demoRefused, "NO [ALERT] Go away."}, "demo: step 7 (IMAP with the main password): expected refused (NO [ALERT] Go away.), got refused (NO [ALERT] Sign-in refused."},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			o := demoFor(t, &out)
			o.change = func(steps []demoStep) { steps[test.step-1].want = test.want }
			err := runDemo(t.Context(), o)
			if err == nil || !strings.HasPrefix(err.Error(), test.text) {
				t.Errorf("got error %v", err)
			}
			if n := strings.Count(out.String(), "✓"); n != test.step-1 || strings.Count(out.String(), "✗") != 1 {
				t.Errorf("%d steps came as expected:\n%s", n, &out)
			}
		})
	}
}

// A demoReader is a person who waits for the end of what is printed.
type demoReader struct {
	mu   sync.Mutex
	text strings.Builder
	all  chan struct{}
}

func (r *demoReader) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := strings.Contains(r.text.String(), "Ctrl-C ends the demo")
	r.text.Write(b)
	if !before && strings.Contains(r.text.String(), "Ctrl-C ends the demo") {
		close(r.all)
	}
	return len(b), nil
}

func TestDemoStaysUntilItIsEnded(t *testing.T) {
	for _, tool := range []string{"curl", "openssl", "swaks"} {
		if _, err := exec.LookPath(tool); err != nil {
			absent(t)("%s is not here", tool)
		}
	}
	r := &demoReader{all: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var failure error
	o := demoFor(t, r)
	go func() {
		defer close(ended)
		failure = runDemo(ctx, o)
	}()
	defer func() { // also when what follows ends the test
		cancel()
		<-ended
		if failure != nil {
			t.Errorf("%v\n%s", failure, r.text.String())
		}
	}()
	select {
	case <-r.all:
		tryDemoCommands(t, r.text.String())
	case <-ended:
		t.Error("the demo did not stay")
	}
}

// tryDemoCommands pastes the printed commands into a shell, in order. Our own
// verbs are run in this process.
func tryDemoCommands(t *testing.T, text string) {
	t.Helper()
	want := []string{
		"Subject: hello from the demo", "NO [ALERT] Sign-in refused.", "", "Subject: hi",
		"OK: queued", "535 5.7.8 Sign-in refused.", "a NO [ALERT] Sign-in refused.",
		demoAddress, "It is shown only now.", "+86 138****5678", "laptop", "phone bound",
	}
	n := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		out, tried := pasteDemoCommand(t, line)
		if !tried {
			continue
		}
		if n < len(want) && (!strings.Contains(out, want[n]) || want[n] == "" && out != "") {
			t.Errorf("%s\nwant %q, got\n%s", line, want[n], out)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d commands, want %d:\n%s", n, len(want), text)
	}
}

// pasteDemoCommand runs a line and returns what it printed, if the line is a
// command that does not wait for input.
func pasteDemoCommand(t *testing.T, line string) (string, bool) {
	t.Helper()
	if args, ours := strings.CutPrefix(line, shellWord(demoProgram())+" "); ours {
		return runOurs(t, args), true
	}
	tool, _, _ := strings.Cut(line, " ")
	if !slices.Contains([]string{"curl", "printf", "swaks", "{"}, tool) { // { starts openssl
		return "", false
	}
	b, _ := exec.Command("sh", "-c", line).CombinedOutput()
	return string(b), true
}

// runOurs runs a verb with arguments as they stand on a shell's line.
func runOurs(t *testing.T, line string) string {
	t.Helper()
	words, err := exec.Command("sh", "-c", `printf '%s\n' `+line).Output()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &out, getenv: func(string) string { return "" }, now: time.Now, zone: time.UTC}
	if status := a.run(strings.Split(strings.TrimSuffix(string(words), "\n"), "\n")); status != 0 {
		t.Errorf("%s: status %d", line, status)
	}
	return out.String()
}

func TestDemoStoppedEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	o := demoFor(t, &out)
	o.change = func([]demoStep) { cancel() }
	if err := runDemo(ctx, o); err == nil || !strings.Contains(err.Error(), "stopped before the end") {
		t.Errorf("got %v", err)
	}
}

func TestDemoStyle(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		absent(t)("no terminal to try: %v", err)
	}
	defer terminal.Close()
	for _, test := range []struct {
		name   string
		out    io.Writer
		env    map[string]string
		colour bool
	}{
		{"terminal", terminal, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{"buffer", new(bytes.Buffer), map[string]string{"TERM": "xterm"}, false},
		{"NO_COLOR", terminal, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{"dumb", terminal, map[string]string{"TERM": "dumb"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := &app{out: test.out, getenv: func(name string) string { return test.env[name] }}
			if got := a.demoStyle() != (demoStyle{}); got != test.colour {
				t.Errorf("colour: %v", got)
			}
		})
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "''",
		"alice@example.org": "alice@example.org",
		"/tmp/x-1/y.pem":    "/tmp/x-1/y.pem",
		"+86 138":           "'+86 138'",
		"it's":              `'it'\''s'`,
		"a;b":               "'a;b'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
