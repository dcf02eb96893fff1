package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// TestTellsSystemd reads what a daemon says to systemd from start to stop.
func TestTellsSystemd(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "notify"))
	file := filepath.Join(dir, "latchkey.toml")
	text := fmt.Sprintf("data_dir = %q\nrun_dir = %q\n", filepath.Join(dir, "data"), dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, _, _ := testApp()
	log := new(lockedBuffer)
	a.configFile, a.err = file, log
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.runDaemon(ctx, cfg) }()

	expect := func(want string) {
		t.Helper()
		if err := systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 256)
		n, err := systemd.Read(b)
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Fatalf("%q, %v; want %q\n%s", b[:n], err, want, log)
		}
	}
	expect("READY=1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	expect("RELOADING=1\nMONOTONIC_USEC=")
	expect("READY=1")
	stop()
	expect("STOPPING=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "configuration reloaded") {
		t.Errorf("log: %s", log)
	}
}

// lockedBuffer is written by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestJournalHasItsOwnTime: no second time in systemd's journal.
func TestJournalHasItsOwnTime(t *testing.T) {
	a, _, _ := testApp()
	if a.logOptions(nil).ReplaceAttr != nil {
		t.Error("the time is left out although nobody else writes it")
	}
	a.getenv = func(name string) string { return map[string]string{"JOURNAL_STREAM": "8:1"}[name] }
	if a.logOptions(nil).ReplaceAttr == nil {
		t.Error("the journal gets two times")
	}
}
