package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func testApp() (*app, *bytes.Buffer, *bytes.Buffer) {
	out, err := new(bytes.Buffer), new(bytes.Buffer)
	return &app{in: strings.NewReader(""), out: out, err: err, getenv: func(string) string { return "" },
		now: time.Now, zone: time.UTC}, out, err
}

// TestNoFlagTakesASecret: every user of the machine can read arguments.
func TestNoFlagTakesASecret(t *testing.T) {
	takesValue := regexp.MustCompile(`--\S*(password|secret)\S* \S`) // one blank, then the kind of value
	if !takesValue.MatchString("      --password string   the password") {
		t.Fatal("this test finds nothing")
	}
	a, _, _ := testApp()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if found := takesValue.FindString(c.LocalFlags().FlagUsages()); found != "" {
			t.Errorf("%s: %s", c.CommandPath(), found)
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(a.root())
}

// TestEveryVerbIsExplained: no verb without a short text, none that swallows
// arguments.
func TestEveryVerbIsExplained(t *testing.T) {
	a, _, _ := testApp()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short text %q", c.CommandPath(), c.Short)
		}
		if c.Args == nil {
			t.Errorf("%s does not check its arguments", c.CommandPath())
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(a.root())
}

// absent gives what to call about a thing that is not on this machine: it skips the
// test. Under "make test" that is a failure.
func absent(t *testing.T) func(format string, args ...any) {
	if os.Getenv("LATCHKEY_REQUIRE_PEERS") == "1" {
		return t.Fatalf
	}
	return t.Skipf
}

// terminal opens a pseudo-terminal: what a person types goes into the first.
func terminal(t *testing.T) (person, process *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		absent(t)("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	process, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, process
}

// TestPromptWithoutEcho types a password twice at a terminal.
func TestPromptWithoutEcho(t *testing.T) {
	for _, tt := range []struct{ first, again, refused string }{
		{"correct horse", "correct horse", ""},
		{"correct horse", "correct hearse", "the two passwords are not the same"},
	} {
		a, _, said := testApp()
		person, process := terminal(t)
		prompts := make(chan string, 2)
		a.in, a.err = process, io.MultiWriter(said, promptWriter(prompts))
		typed := make(chan error, 1)
		go func() {
			typed <- errors.Join(typeInto(person, prompts, tt.first), typeInto(person, prompts, tt.again))
		}()
		got, err := a.newPassword(nil, "alice@example.org", false)
		if err := <-typed; err != nil {
			t.Fatal(err)
		}
		if tt.refused == "" && (err != nil || got.Reveal() != tt.first) || tt.refused != "" && (err == nil || err.Error() != tt.refused) {
			t.Errorf("%v, %v", got.Reveal(), err)
		}
		if want := "new password for alice@example.org: \nthe same again: \n"; said.String() != want {
			t.Errorf("prompts: %q", said)
		}
		_ = process.Close()
		echo := make([]byte, 4096)
		n, _ := person.Read(echo)
		if bytes.Contains(echo[:n], []byte("horse")) {
			t.Errorf("the terminal shows %q", echo[:n])
		}
	}
}

// typeInto types a line once it is asked for and echo is off, as a person does
// who is never as fast as the program.
func typeInto(person *os.File, prompts <-chan string, line string) error {
	<-prompts
	for {
		state, err := unix.IoctlGetTermios(int(person.Fd()), unix.TCGETS)
		if err != nil {
			return err
		}
		if state.Lflag&unix.ECHO == 0 {
			break
		}
		runtime.Gosched()
	}
	_, err := io.WriteString(person, line+"\n")
	return err
}

// promptWriter passes on what ends in a colon and a blank.
type promptWriter chan string

func (w promptWriter) Write(b []byte) (int, error) {
	if bytes.HasSuffix(b, []byte(": ")) {
		w <- string(b)
	}
	return len(b), nil
}

func TestAheadAndSince(t *testing.T) {
	zone := time.FixedZone("east", 8*3600)
	now := time.Date(2026, 12, 1, 10, 0, 0, 0, zone)
	for s, want := range map[string]string{"90d": "2027-03-01T10:00:00+08:00", "12h": "2026-12-01T22:00:00+08:00", "2026-12-31": "2027-01-01T00:00:00+08:00"} {
		if got, err := ahead(s, now, zone); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("ahead %s = %s, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{"7d": "2026-11-24T10:00:00+08:00", "24h": "2026-11-30T10:00:00+08:00", "2026-11-01": "2026-11-01T00:00:00+08:00"} {
		if got, err := since(s, now, zone); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("since %s = %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0d", "tomorrow", "-1d", "2026-02-30", "90"} {
		if _, err := ahead(s, now, zone); err == nil {
			t.Errorf("ahead %q passed", s)
		}
		if _, err := since(s, now, zone); err == nil {
			t.Errorf("since %q passed", s)
		}
	}
}

// TestExplain: every failure has its exit status, and no sentence is empty.
func TestExplain(t *testing.T) {
	open := func(err error) error { return explainOpen("/data", "/run/admin", fmt.Errorf("opening: %w", err)) }
	for _, tt := range []struct {
		err    error
		status int
	}{
		{open(kv.ErrLocked), exitUnavailable},
		{open(secret.ErrKeyMissing), exitUnavailable},
		{open(secret.ErrKeyPermissions), exitUnavailable},
		{open(store.ErrNeedsMigration), exitUnavailable},
		{open(fs.ErrPermission), exitNotAllowed},
		{open(errors.New("something else")), exitUnavailable},
		{explainServe("/data", kv.ErrLocked), exitUnavailable},
		{explainServe("/data", fs.ErrPermission), exitNotAllowed},
		{&admin.Error{Kind: admin.KindNotFound, Sentence: "x"}, exitNotFound},
		{about("a", &admin.Error{Kind: admin.KindNotFound, Sentence: "x"}), exitNotFound},
		{&admin.Error{Kind: admin.KindForbidden, Sentence: "x"}, exitNotAllowed},
		{&admin.Error{Kind: admin.KindInternal, Sentence: "x"}, exitUnavailable},
		{&admin.Error{Kind: admin.KindConflict, Sentence: "x"}, exitFailed},
		{&admin.Error{Kind: admin.KindRejected, Sentence: "x"}, exitFailed},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), exitUnavailable},
		{&url.Error{Op: "Post", URL: "http://latchkey/", Err: io.EOF}, exitUnavailable},
		{errors.New("x"), exitFailed},
	} {
		f := explain(tt.err)
		if f.status != tt.status || f.sentence == "" {
			t.Errorf("%v: status %d, want %d, %q", tt.err, f.status, tt.status, f.sentence)
		}
	}
}
