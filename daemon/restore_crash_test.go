package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

// These name the environment variables that turn this test binary into a restore
// in a folder, which kills itself at the n-th word about its progress.
const (
	restoreIn = "LATCHKEY_TEST_RESTORE"
	killAt    = "LATCHKEY_TEST_KILL_AT"
)

// restoreForTest restores the file named backup.
func restoreForTest(folder string) error {
	backup, err := os.Open(filepath.Join(folder, "backup"))
	if err != nil {
		return err
	}
	defer backup.Close()
	left, _ := strconv.Atoi(os.Getenv(killAt)) // 0: never
	r := &Restore{Folder: folder, Backup: backup, Actor: "root", Now: restoreNow, Progress: func(admin.BackupProgress) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}}
	_, err = r.Run(context.Background())
	return err
}

// TestKillRestore kills a restore at each of its steps and at random moments:
// afterwards the old database is there, whole, or the new one is, and a daemon
// starts on either and clears up.
func TestKillRestore(t *testing.T) {
	p := newPlace(t)
	made := func(address string) func(w *store.Writer) error {
		return func(w *store.Writer) error {
			for i := range 300 { // more than a page
				if _, err := w.CreateAccount(fmt.Sprintf("%s%d@example.org", address, i), ""); err != nil {
					return err
				}
			}
			return nil
		}
	}
	p.change(t, made("backup"))
	if err := os.WriteFile(filepath.Join(p.folder, "backup"), p.snapshot(t), 0o600); err != nil {
		t.Fatal(err)
	}
	p.change(t, made("present"))
	present := p.snapshot(t)
	after := map[string]int{}
	for n, ended := 1, false; !ended; n++ {
		ended = p.killRestore(t, n, 0)
		after[p.whichIsThere(t, present)]++
		if n > 60 {
			t.Fatal("the restore does not come to its end")
		}
	}
	for range 20 {
		p.killRestore(t, 0, time.Duration(rand.IntN(100_000))*time.Microsecond)
		after[p.whichIsThere(t, present)]++
	}
	t.Log(after)
	if after["present"] < 5 || after["backup"] < 2 {
		t.Errorf("%v: the test tests little", after)
	}
}

// killRestore runs one, which is killed at a step or after some time, and reports
// whether it came to its end.
func (p place) killRestore(t *testing.T, step int, wait time.Duration) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.Env = append(os.Environ(), restoreIn+"="+p.folder, killAt+"="+strconv.Itoa(step))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if step == 0 {
		time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 {
		return false
	}
	if err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
	return true
}

// whichIsThere starts a daemon, and puts the present database back.
func (p place) whichIsThere(t *testing.T, present []byte) string {
	t.Helper()
	p.good(t)
	cfg := testConfig(p.folder)
	cfg.DataDir = p.folder
	d, err := Open(cfg, Options{Hasher: tinyHasher()})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	for _, name := range []string{"present", "backup"} {
		for i := range 300 {
			if _, err := d.store.Account(t.Context(), fmt.Sprintf("%s%d@example.org", name, i)); err == nil {
				there[name]++
			}
		}
	}
	which := "present"
	if there["present"] == 0 {
		which = "backup"
	}
	if there["backup"] != 300 || there["present"]%300 != 0 {
		t.Errorf("there are %v accounts", there)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(p.folder, restoringFile)); err == nil {
		t.Error("the unfinished database was left")
	}
	kept, err := filepath.Glob(p.database + ".before-restore-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(kept, p.database) {
		_ = os.Remove(path)
	}
	if err := os.WriteFile(p.database, present, 0o600); err != nil {
		t.Fatal(err)
	}
	return which
}
