package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// socket serves d and returns the path of its socket.
func socket(t *testing.T, d *door) string {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "admin")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	s := NewServer(d, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
			t.Error(err)
		}
	})
	return path
}

// TestSocketKnowsItsPeer asks over a real socket, where the kernel says who
// asks: this test's own user, which is the daemon's.
func TestSocketKnowsItsPeer(t *testing.T) {
	d := newDoor(t)
	d.uid = uint32(os.Geteuid())
	c := NewClient(Dial(socket(t, d)))
	defer c.Close()
	if _, err := c.AccountAdd(t.Context(), AccountAdd{Address: alice}); err != nil {
		t.Fatal(err)
	}
	page, err := c.Events(t.Context(), Events{})
	if err != nil || len(page.Events) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	want := UserActor(uint32(os.Geteuid()), people{}.Name(uint32(os.Geteuid())))
	if got := page.Events[0].Actor; got != want {
		t.Errorf("actor %q, want %q", got, want)
	}
}

// TestSocketRefusesStrangers connects as another user of the machine.
func TestSocketRefusesStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		absent := t.Skip
		if os.Getenv("LATCHKEY_REQUIRE_PEERS") == "1" {
			absent = t.Fatal
		}
		absent("only root can become somebody else")
	}
	d := newDoor(t)
	path := socket(t, d)
	for uid, want := range map[int]int{stranger: http.StatusForbidden, helper: http.StatusOK, daemonUID: http.StatusOK} {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			return dialAs(uid, path)
		}}}
		reply, err := c.Post("http://latchkey"+pathAccountList, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reply.Body)
		if err := errors.Join(err, reply.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if reply.StatusCode != want {
			t.Errorf("uid %d: %d %s", uid, reply.StatusCode, bytes.TrimSpace(text))
		}
	}
}

// dialAs connects from a thread that belongs to uid. Linux keeps credentials by
// thread; this one is thrown away.
func dialAs(uid int, path string) (net.Conn, error) {
	type dialled struct {
		c   net.Conn
		err error
	}
	done := make(chan dialled)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); e != 0 {
			done <- dialled{nil, e}
			return
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			done <- dialled{nil, err}
			return
		}
		f := os.NewFile(uintptr(fd), path)
		defer f.Close()
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
			done <- dialled{nil, err}
			return
		}
		c, err := net.FileConn(f)
		done <- dialled{c, err}
	}()
	d := <-done
	return d.c, d.err
}

func TestClientTellsAbsentDaemon(t *testing.T) {
	dir := t.TempDir()
	_, err := NewClient(Dial(filepath.Join(dir, "none"))).AccountList(t.Context(), AccountList{})
	if !errors.Is(err, syscall.ENOENT) {
		t.Errorf("error = %v", err)
	}
}

func TestClientRefusesNonsense(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"no JSON":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
		"plain 500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) },
	} {
		if _, err := NewClient(InProcess(h, Identity{})).AccountList(t.Context(), AccountList{}); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

// TestPanic: the log says where a request panicked, and not what with.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	s := NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("hunter2") }), slog.New(slog.NewTextHandler(&log, nil)))
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "admin"))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, _ := io.ReadAll(conn); len(answer) != 0 {
		t.Errorf("%q", answer)
	}
	if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "type=string") || !strings.Contains(text, "TestPanic") || strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}
