package doctor

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConnects: each folder on the way and the socket itself, for owner, group and
// others, and from inside a chroot.
func TestConnects(t *testing.T) {
	top, err := os.MkdirTemp("", "lk") // a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	place := filepath.Join(top, "a", "b", "socket")
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", place)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	me, mine := os.Geteuid(), os.Getegid()
	owner, member, other := peer{"owner", me, nil}, peer{"member", 4242, []int{mine}}, peer{"other", 4242, []int{4242}}
	for _, tt := range []struct {
		top, a, b, socket os.FileMode
		root              string
		who               peer
		want              string // part of the error; "": may
	}{
		{0o755, 0o755, 0o755, 0o666, "/", other, ""},
		{0o755, 0o755, 0o755, 0o660, "/", other, "other may not connect (Srw-rw----"},
		{0o755, 0o755, 0o755, 0o660, "/", member, ""},
		{0o755, 0o755, 0o755, 0o606, "/", member, "member may not connect"},
		{0o755, 0o755, 0o755, 0o600, "/", owner, ""},
		{0o755, 0o750, 0o755, 0o666, "/", other, "other may not pass the folder " + filepath.Join(top, "a")},
		{0o755, 0o750, 0o755, 0o666, "/", member, ""},
		{0o755, 0o705, 0o755, 0o666, "/", member, "member may not pass the folder"},
		{0o700, 0o755, 0o755, 0o666, "/", other, "other may not pass the folder " + top},
		{0o700, 0o755, 0o755, 0o666, filepath.Join(top, "a"), other, ""}, // it never sees top
		{0o700, 0o755, 0o700, 0o666, filepath.Join(top, "a"), other, "may not pass the folder " + filepath.Join(top, "a", "b")},
	} {
		for path, mode := range map[string]os.FileMode{top: tt.top, filepath.Join(top, "a"): tt.a, filepath.Join(top, "a", "b"): tt.b, place: tt.socket} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		if tt.who.uid == me && me == 0 && tt.want != "" {
			continue // root may everything
		}
		err := tt.who.connects(place, tt.root)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	root := peer{"root", 0, nil}
	if err := root.connects(filepath.Join(top, "a", "none"), "/"); !errors.Is(err, errNoSocket) {
		t.Errorf("nothing there: %v", err)
	}
	if err := root.connects(filepath.Join(top, "none", "none"), "/"); !errors.Is(err, errNoSocket) {
		t.Errorf("no folder there: %v", err)
	}
	if err := root.connects(filepath.Join(top, "a"), "/"); err == nil {
		t.Error("a folder is a socket")
	}
	if err := Connects("nobody-of-that-name", place, "/"); err != nil {
		t.Errorf("no such user: %v", err)
	}
}

// TestAccess: a user that is kept out is a warning; a socket that is not there yet is
// one only while the daemon runs.
func TestAccess(t *testing.T) {
	for _, tt := range []struct {
		err     error
		running bool
		want    int
	}{{nil, true, 0}, {errors.New("no"), false, 1}, {errNoSocket, false, 0}, {errNoSocket, true, 1}} {
		m := &Machine{Running: tt.running, Connects: func(string, string, string) error { return tt.err }, Sockets: ours, Run: recorded("example-2.3")}
		r := m.Dovecot(t.Context())
		if n := Count([]Report{r}, Warning); n != 3*tt.want { // imap, pop3, managesieve
			t.Errorf("%v, running %v: %d warnings\n%s", tt.err, tt.running, n, show(r))
		}
	}
}
