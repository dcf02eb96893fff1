package dovecot_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer is a log that goroutines may write to while a test reads.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// backend is a Backend made of functions.
type backend struct {
	auth func(r *dovecot.Request)
	cont func(r *dovecot.Request, response []byte)
}

func (b backend) Auth(r *dovecot.Request)                      { b.auth(r) }
func (b backend) Continue(r *dovecot.Request, response []byte) { b.cont(r, response) }

// master is a MasterBackend made of functions.
type master struct {
	request func(ctx context.Context, login any, q *dovecot.LoginQuery) dovecot.UserReply
	user    func(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply
}

func (m master) Request(ctx context.Context, login any, q *dovecot.LoginQuery) dovecot.UserReply {
	return m.request(ctx, login, q)
}

func (m master) User(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	return m.user(ctx, q)
}

func plainOnly() []dovecot.Mechanism {
	return []dovecot.Mechanism{{Name: "PLAIN", Flags: []string{"plaintext"}}, {Name: "LOGIN", Flags: []string{"plaintext"}}}
}

// serve runs s on a unix socket until the test ends and returns the socket's path.
func serve(t testing.TB, s *dovecot.Server, k dovecot.Kind) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "auth")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, k) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-served; !errors.Is(err, dovecot.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		_ = os.RemoveAll(dir) // a leftover in the temporary folder fails nothing
	})
	return path
}

// dial connects a client to a socket until the test ends.
func dial(t testing.TB, path string, opts dovecot.ClientOptions) *dovecot.Client {
	t.Helper()
	c, err := dovecot.NewClient(dialConn(t, path), opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialConn(t testing.TB, path string) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() }) // tests close theirs when it matters
	if err := nc.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestAuthenticate(t *testing.T) {
	s := &dovecot.Server{Mechanisms: plainOnly, SPID: 4711, Backend: backend{
		auth: func(r *dovecot.Request) {
			if string(r.Initial) == "\x00u@example\x00right" {
				r.OK(dovecot.OK{User: "u@example", Fields: []dovecot.Field{{Key: "nologin"}}})
				return
			}
			r.Challenge([]byte("Username:"))
		},
		cont: func(r *dovecot.Request, response []byte) {
			r.Fail(dovecot.Fail{User: string(response), Reason: "no"})
		},
	}}
	c := dial(t, serve(t, s, dovecot.KindClient), dovecot.ClientOptions{Minor: 2})
	if c.SPID != 4711 || c.Minor != 2 || len(c.Cookie) != 32 || len(c.Mechanisms) != 2 {
		t.Errorf("handshake: %+v", c)
	}
	reply, err := c.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "PLAIN", Service: "imap", Initial: []byte("\x00u@example\x00right")}, nil)
	if err != nil || !reply.OK || reply.User != "u@example" || len(reply.Fields) != 1 || reply.Fields[0].Key != "nologin" {
		t.Errorf("right: %+v, %v", reply, err)
	}
	reply, err = c.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "LOGIN", Service: "imap"}, func(challenge []byte) ([]byte, error) {
		return append(challenge, '!'), nil
	})
	if err != nil || reply.OK || reply.User != "Username:!" || reply.Reason != "no" {
		t.Errorf("wrong: %+v, %v", reply, err)
	}
}
