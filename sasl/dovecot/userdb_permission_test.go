package dovecot_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// uidOf answers that the user's uid is the user's name.
func uidOf(_ context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	reply := dovecot.UserReply{Outcome: dovecot.Found, User: q.User}
	if q.User != "nouid" {
		reply.Fields = []dovecot.Field{{Key: "uid", Value: q.User}}
	}
	return reply
}

// TestUserdbPermissions runs as whoever runs it: the socket changes hands instead
// of the caller, which needs root; the rest is skipped by name otherwise.
func TestUserdbPermissions(t *testing.T) {
	self := strconv.Itoa(os.Getuid())
	for _, test := range []struct {
		name     string
		mode     os.FileMode
		uid, gid int // of the socket file
		user     string
		want     dovecot.UserOutcome
	}{
		{"owner", 0o666, os.Getuid(), 4242, "77", dovecot.Found},
		{"group", 0o666, 4242, os.Getgid(), "77", dovecot.Found},
		{"mode 0600", 0o600, os.Getuid(), os.Getgid(), "77", dovecot.Found},
		{"mode 0777", 0o777, 4242, 4242, "77", dovecot.Found},
		{"stranger", 0o666, 4242, 4242, "77", dovecot.Failed},
		{"stranger about itself", 0o666, 4242, 4242, self, dovecot.Found},
		{"stranger, no uid", 0o666, 4242, 4242, "nouid", dovecot.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if os.Getuid() == 0 && test.want == dovecot.Failed {
				t.Skip("root may ask for everybody; the internal test of the rule has other callers")
			}
			path := serve(t, &dovecot.Server{Master: everything{scriptMaster{}}}, dovecot.KindUserdb)
			if err := os.Chown(path, test.uid, test.gid); err != nil {
				t.Skipf("cannot give the socket away: %v", err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			m, err := dovecot.NewMasterClient(dialConn(t, path))
			if err != nil {
				t.Fatal(err)
			}
			reply, err := m.User(t.Context(), test.user, "lmtp")
			if err != nil || reply.Outcome != test.want {
				t.Errorf("%+v, %v", reply, err)
			}
			restricted := strings.HasPrefix(test.name, "stranger") && os.Getuid() != 0
			reply, err = m.Pass(t.Context(), "u@example", "lmtp")
			if err != nil || (reply.Outcome == dovecot.Failed) != restricted {
				t.Errorf("PASS: %+v, %v", reply, err)
			}
			err = m.List(t.Context(), &dovecot.ListQuery{}, func(string) bool { return true })
			if errors.Is(err, dovecot.ErrList) != restricted {
				t.Errorf("LIST: %v", err)
			}
		})
	}
}

// everything has PASS and LIST besides users whose uid is their name.
type everything struct{ scriptMaster }

func (everything) User(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	return uidOf(ctx, q)
}

// A socket that was renamed after it was bound is found where it is now.
func TestFileListener(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover in the temporary folder fails nothing
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/auth.new", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	path := dir + "/auth"
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	s := &dovecot.Server{Master: master{user: uidOf}}
	served := make(chan error, 1)
	go func() { served <- s.Serve(&dovecot.FileListener{Listener: l, Path: path}, dovecot.KindUserdb) }()
	m, err := dovecot.NewMasterClient(dialConn(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := m.User(t.Context(), strconv.Itoa(os.Getuid()), "lmtp"); err != nil || reply.Outcome != dovecot.Found {
		t.Errorf("%+v, %v", reply, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, dovecot.ErrServerClosed) {
		t.Error(err)
	}
	lost := &dovecot.FileListener{Listener: newPipeListener(), Path: path + ".new"}
	if err := new(dovecot.Server).Serve(lost, dovecot.KindUserdb); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket file that is not there: %v", err)
	}
}
