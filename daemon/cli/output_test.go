package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// full is standard output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// offline runs commands on a data folder of their own, without a daemon.
func offline(t *testing.T) func(out io.Writer, in string, args ...string) (int, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "latchkey.toml")
	text := "data_dir = \"" + dir + "/data\"\nrun_dir = \"" + dir + "/run\"\n"
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Mkdir(dir+"/data", 0o700)); err != nil {
		t.Fatal(err)
	}
	return func(out io.Writer, in string, args ...string) (int, string) {
		var messages bytes.Buffer
		a := &app{in: strings.NewReader(in), out: out, err: &messages, getenv: func(string) string { return "" }, now: time.Now, zone: time.UTC}
		return a.run(append([]string{"--config", file}, args...)), messages.String()
	}
}

// An app password that could not be shown is no success.
func TestOutputThatCannotBeWritten(t *testing.T) {
	run := offline(t)
	if status, text := run(io.Discard, "correct horse\n", "account", "add", "u@example.org", "--password-stdin"); status != 0 {
		t.Fatal(text)
	}
	for _, args := range [][]string{
		{"app-password", "add", "u@example.org", "--name", "x"}, {"account", "list"}, {"account", "show", "u@example.org"},
		{"phone", "reset", "u@example.org"}, {"phone", "expect", "u@example.org", "13812345678"}, {"phone", "show", "u@example.org"},
		{"devices", "u@example.org"}, {"sessions", "u@example.org", "end"}, {"events"}, {"version"}, {"account", "list", "--json"},
	} {
		status, text := run(full{}, "", args...)
		if status != exitFailed || !strings.Contains(text, "disk full") {
			t.Errorf("%v: status %d, %q", args, status, text)
		}
	}
}

// A password that would be changed on its way is refused.
func TestPasswordNotUTF8(t *testing.T) {
	run := offline(t)
	if status, text := run(io.Discard, "abcdefgh\xff\xfe\n", "account", "add", "u@example.org", "--password-stdin"); status != exitFailed || !strings.Contains(text, "UTF-8") {
		t.Errorf("status %d, %q", status, text)
	}
	if status, _ := run(io.Discard, "", "account", "show", "u@example.org"); status != exitNotFound {
		t.Errorf("there is an account: status %d", status)
	}
}

// Commands without a daemon wait for each other.
func TestCommandsSideBySide(t *testing.T) {
	run := offline(t)
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		all.Go(func() {
			if status, text := run(io.Discard, "correct horse\n", "account", "add", name+"@example.org", "--password-stdin"); status != 0 {
				t.Errorf("%s: status %d, %s", name, status, text)
			}
		})
	}
	all.Wait()
	var list bytes.Buffer
	if status, text := run(&list, "", "account", "list", "--json"); status != 0 || strings.Count(list.String(), "\n") != 5 {
		t.Errorf("status %d, %s%s", status, &list, text)
	}
}
