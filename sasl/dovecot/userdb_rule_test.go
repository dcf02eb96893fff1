package dovecot

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestRestrict holds the rule against callers that a test cannot be.
func TestRestrict(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover in the temporary folder fails nothing
	path := filepath.Join(dir, "userdb")
	bound, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bound.Close() }() // the end of the test
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	owner := Peer{Known: true, UID: stat.Uid, GID: 4242}
	group := Peer{Known: true, UID: 4242, GID: stat.Gid}
	stranger := Peer{Known: true, UID: 4242, GID: 4242}
	root := Peer{Known: true}
	nobody := uint32(1<<32 - 1)
	for _, test := range []struct {
		mode os.FileMode
		peer Peer
		want restriction
	}{
		{0o666, owner, restriction{}},
		{0o666, group, restriction{}},
		{0o666, root, restriction{}},
		{0o666, stranger, restriction{on: true, uid: 4242}},
		{0o666, Peer{}, restriction{on: true, uid: nobody}},
		{0o660, stranger, restriction{}},
		{0o777, stranger, restriction{}},
	} {
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		if got := restrict(bound, test.peer); got != test.want {
			t.Errorf("%o %+v: %+v, want %+v", test.mode, test.peer, got, test.want)
		}
		moved := &FileListener{Listener: bound, Path: path}
		if got := restrict(moved, test.peer); got != test.want {
			t.Errorf("FileListener, %o %+v: %+v, want %+v", test.mode, test.peer, got, test.want)
		}
	}
	gone := &FileListener{Listener: bound, Path: path + ".gone"}
	if got := restrict(gone, owner); !got.on {
		t.Errorf("a socket file that is gone restricts nobody: %+v", got)
	}
}

func TestRestrictionCheck(t *testing.T) {
	own := restriction{on: true, uid: 1000}
	for _, test := range []struct {
		reply UserReply
		ok    bool
	}{
		{UserReply{Outcome: Found, Fields: []Field{{"home", "/"}, {"uid", "1000"}}}, true},
		{UserReply{Outcome: Found, Fields: []Field{{"uid", "1001"}, {"uid", "1000"}}}, false},
		{UserReply{Outcome: Found, Fields: []Field{{"uid", "x"}}}, false},
		{UserReply{Outcome: Found}, false},
		{UserReply{Outcome: NotFound}, true},
		{UserReply{}, true},
	} {
		if err := own.check(&test.reply); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.reply, err)
		}
		if err := (restriction{}).check(&test.reply); err != nil {
			t.Errorf("no restriction: %v", err)
		}
	}
}

// TestRestrictedConnection asks as a caller that a test cannot be: neither PASS
// nor LIST, whoever it asks about, and only its own entry for USER. A master
// socket has no such rule.
func TestRestrictedConnection(t *testing.T) {
	const ask = "VERSION\t1\t1\nPASS\t1\tu\tservice=x\nLIST\t2\nUSER\t3\tuid77\tservice=x\nUSER\t4\tuid78\tservice=x\n"
	for _, test := range []struct {
		kind       Kind
		restricted restriction
		want       string
	}{
		{KindUserdb, restriction{on: true, uid: 77}, "FAIL\t1\nDONE\t2\tfail\nUSER\t3\tuid77\tuid=77\nFAIL\t4\n"},
		{KindUserdb, restriction{}, "PASS\t1\tuser=u\nLIST\t2\tuid77\nDONE\t2\t\nUSER\t3\tuid77\tuid=77\nUSER\t4\tuid78\tuid=78\n"},
		{KindMaster, restriction{}, "PASS\t1\tuser=u\nLIST\t2\tuid77\nDONE\t2\t\nUSER\t3\tuid77\tuid=77\nUSER\t4\tuid78\tuid=78\n"},
	} {
		nc := &fuzzConn{in: bytes.NewReader([]byte(ask)), step: 1000, rest: new(sync.WaitGroup)}
		c, err := (&Server{Master: uidMaster{}}).newConn(nc, fuzzListener{}, ListenerOptions{Kind: test.kind})
		if err != nil {
			t.Fatal(err)
		}
		c.speaker.(*masterConn).restricted = test.restricted
		hello := string(c.out)
		c.Serve()
		if got := strings.TrimPrefix(nc.out.String(), hello); got != test.want {
			t.Errorf("%v, %+v: %q, want %q", test.kind, test.restricted, got, test.want)
		}
	}
}

// uidMaster knows users called "uid" and a number.
type uidMaster struct{ MasterBackend }

func (uidMaster) User(_ context.Context, q *UserQuery) UserReply {
	return UserReply{Outcome: Found, User: q.User, Fields: []Field{{"uid", strings.TrimPrefix(q.User, "uid")}}}
}

func (uidMaster) Pass(_ context.Context, q *UserQuery) UserReply {
	return UserReply{Outcome: Found, User: q.User}
}

func (uidMaster) List(_ context.Context, _ *ListQuery, yield func(string) bool) error {
	yield("uid77")
	return nil
}
