package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-mail/latchkey/daemon/harness"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
)

func TestMain(m *testing.M) {
	if os.Getenv(hasher.WorkerEnv) != "" { // a daemon under test starts its workers
		os.Exit(worker())
	}
	testscript.Main(m, map[string]func(){"latchkey": func() { os.Exit(Main(os.Args[1:])) }})
}

// TestScripts runs testdata/script: what a person sees at the terminal. Besides
// the usual commands of testscript there are
//
//	status N command…   runs it and wants that exit status
//	like FILE WANT      compares, ids, times and app passwords aside
//	answers             waits until the daemon does
//	signal NAME         sends HUP, INT or TERM to what runs in the background
//	used ADDRESS ID     a browser with this id is trusted and signed in, and a mail
//	                    program was refused (while no daemon runs)
//
// $DATA and $RUN are the folders of the configuration in $LATCHKEY_CONFIG, $PORT a
// port of 127.0.0.1 that nobody listens on.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		UpdateScripts:       os.Getenv("LATCHKEY_UPDATE") != "",
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": status, "like": like, "answers": answers, "signal": sendSignal, "used": used,
		},
	})
}

// setup gives a script folders with short names: a socket's path has 108 bytes.
func setup(env *testscript.Env) error {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(dir) })
	file, data, run := filepath.Join(env.WorkDir, "latchkey.toml"), filepath.Join(dir, "data"), filepath.Join(dir, "run")
	text := fmt.Sprintf("data_dir = %q\nrun_dir = %q\n", data, run)
	port, release, err := harness.ReservePort()
	if err != nil {
		return err
	}
	env.Defer(func() { _ = release() })
	for name, value := range map[string]string{"PORT": port, "LATCHKEY_CONFIG": file, "DATA": data, "RUN": run, "TZ": "Asia/Shanghai"} {
		env.Setenv(name, value)
	}
	return errors.Join(os.Chmod(dir, 0o755), os.Mkdir(data, 0o700), os.Mkdir(run, 0o755), os.WriteFile(file, []byte(text), 0o644))
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// alike replaces what differs from run to run by something of the same width.
func alike(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{`"id":"[0-9a-f]{32}"`, `"id":"0123456789abcdef0123456789abcdef"`},
		{`\b[0-9a-f]{16}\b`, "0123456789abcdef"},
		{`\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b`, "2026-01-02 03:04:05"},
		{`\b20\d\d-\d\d-\d\d \d\d:\d\d\b`, "2026-01-02 03:04"},
		{`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+08:00)`, "2026-01-02T03:04:05Z"},
		{`(?m)^    ([a-z]{4} ){3}[a-z]{4}$`, "    abcd efgh jkmn pqrs"},
		{`(?m)^    ([a-z]{4}-){2}[a-z]{4}$`, "    abcd-efgh-jkmn"},
		{`"code":"([a-z]{4}-){2}[a-z]{4}"`, `"code":"abcd-efgh-jkmn"`},
		{`"secret":"[abcdefghjkmnpqrstuvwxyz]{16}"`, `"secret":"abcdefghjkmnpqrs"`},
		{`\(process \d+\)`, "(process 1)"},
		{`\b(127\.0\.0\.1|0\.0\.0\.0):\d+\b`, "$1:12345"},
		{`\bkey [0-9a-f]{8}\b`, "key 01234567"},
		{`before-restore-\d{8}-\d{6}`, "before-restore-20260102-030405"},
		{`/\S*/lk\d+/`, "/LK/"},
		{`/\S*/latchkey\.toml`, "/LK/latchkey.toml"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

func like(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: like FILE WANT")
	}
	got, want := alike(ts.ReadFile(args[0])), ts.ReadFile(args[1])
	if os.Geteuid() != 0 { // the scripts were written as root; another user's name has another width
		got = regexp.MustCompile(`uid:\d+( \([^)]*\))?`).ReplaceAllString(got, "root")
		blanks := regexp.MustCompile(`  +`)
		got, want = blanks.ReplaceAllString(got, "  "), blanks.ReplaceAllString(want, "  ")
	}
	if got != want {
		ts.Fatalf("%s", diff.Diff(args[0], []byte(got), args[1], []byte(want)))
	}
}

// answers waits until something listens on the admin socket.
func answers(ts *testscript.TestScript, _ bool, _ []string) {
	socket := filepath.Join(ts.Getenv("RUN"), "admin")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("unix", socket)
		if err == nil {
			ts.Check(c.Close())
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no daemon after 20 s: %v", err)
		}
	}
}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	known := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	if neg || len(args) != 1 || known[args[0]] == 0 {
		ts.Fatalf("usage: signal HUP|INT|TERM")
	}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(known[args[0]]))
	}
}
