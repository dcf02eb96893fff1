package daemon

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// withExpiring gives an account an app password that ends then.
func withExpiring(t *testing.T, st *store.Store, address string, ends time.Time) store.AppPasswordID {
	t.Helper()
	id := store.AppPasswordID{7}
	err := st.Update(t.Context(), func(w *store.Writer) error {
		a, err := w.CreateAccount(address, "")
		if err != nil {
			return err
		}
		a.AppPasswords = []store.AppPasswordRow{{ID: id, Tag: [16]byte{7}, Scopes: store.ScopeAll, State: store.Live, Expires: ends}}
		return w.PutAccount(a)
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A running daemon cuts the mail sessions of an app password that has expired,
// although nothing changes the account.
func TestExpiredSessionsAreCut(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	fifo := filepath.Join(dir, "cut")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(dir)
	cfg.MailSessions.Cut = []string{"sh", "-c", `echo "$1 $2" > "$0"`, fifo, "%u", "%c"}
	idle, err := Open(cfg, Options{Hasher: tinyHasher()}) // looks at nothing before it serves
	if err != nil {
		t.Fatal(err)
	}
	id := withExpiring(t, idle.store, "u@example.org", time.Now().Add(-time.Minute))
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	d := startIn(t, cfg) // looks at its start, and then once an hour
	if got, err := bufio.NewReader(f).ReadString('\n'); err != nil || got != "u@example.org "+id.String()+"\n" {
		t.Errorf("cut %q, %v", got, err)
	}
	a, err := d.store.Account(t.Context(), "u@example.org")
	if err != nil || a.AppPasswords[0].State != store.Expired {
		t.Errorf("%+v, %v", a, err)
	}
}

// By the daemon's clock, and not while so many cuts wait that one may be lost.
func TestExpireAll(t *testing.T) {
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	cfg := testConfig(t.TempDir())
	cfg.MailSessions.Cut = []string{"kick", "%u", "%c"}
	d, err := Open(cfg, Options{Now: func() time.Time { return now }, Hasher: tinyHasher()})
	if err != nil {
		t.Fatal(err)
	}
	hold, ran := make(chan struct{}), make(chan string, 2*cutWaiting)
	d.sessions.run = func(_ context.Context, command []string) error {
		<-hold
		ran <- strings.Join(command, " ")
		return nil
	}
	ends := now.Add(time.Hour)
	id := withExpiring(t, d.store, "u@example.org", ends)
	now = ends.Add(-1)
	if n := d.expireAll(t.Context()); n != 0 {
		t.Errorf("%d before its time", n)
	}
	now = ends
	for range cutWaiting/2 + 1 { // one of which is being run
		d.sessions.cut("other@example.org", []string{"x"})
	}
	short, cancel := context.WithTimeout(t.Context(), 3*expirePause)
	if n := d.expireAll(short); n != 0 {
		t.Errorf("%d while many cuts wait", n)
	}
	cancel()
	close(hold)
	if n := d.expireAll(t.Context()); n != 1 {
		t.Errorf("%d at its time", n)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	close(ran)
	var last string
	for last = range ran {
	}
	if last != "kick u@example.org "+id.String() {
		t.Errorf("the last cut is %q", last)
	}
}
