package harness

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

const sentence = "Use an app password. See https://mail.example/"

// A backend knows one secret for each answer.
type backend struct {
	mu   sync.Mutex
	seen []dovecot.Auth
}

func (b *backend) Auth(r *dovecot.Request) {
	b.mu.Lock()
	b.seen = append(b.seen, r.Auth)
	b.mu.Unlock()
	switch {
	case r.Mechanism == "LOGIN" && len(r.Initial) > 0:
		r.State = string(r.Initial)
		r.Challenge([]byte("Password:"))
	case r.Mechanism == "LOGIN":
		r.Challenge([]byte("Username:"))
	case r.Initial == nil:
		r.Challenge(nil)
	default:
		b.Continue(r, r.Initial)
	}
}

func (b *backend) Continue(r *dovecot.Request, response []byte) {
	user, _ := r.State.(string)
	secret := string(response)
	switch {
	case r.Mechanism == "LOGIN" && user == "":
		r.State = secret
		r.Challenge([]byte("Password:"))
		return
	case r.Mechanism == "PLAIN":
		parts := bytes.Split(response, []byte{0})
		if len(parts) != 3 {
			r.Fail(dovecot.Fail{Reason: "malformed"})
			return
		}
		user, secret = string(parts[1]), string(parts[2])
	}
	user = strings.ToLower(user)
	switch secret {
	case "app":
		r.OK(dovecot.OK{User: user})
	case "main":
		r.Fail(dovecot.Fail{User: user, Reason: sentence})
	case "down":
		r.Fail(dovecot.Fail{User: user, Reason: "not shown", Code: dovecot.TempFail})
	case "silent": // no answer at all
	case "hangup":
		r.Drop(time.Time{})
	default:
		r.Fail(dovecot.Fail{User: user})
	}
}

// Request and User: alice@example.org and bob@example.org live here.
func (b *backend) Request(context.Context, any, *dovecot.LoginQuery) dovecot.UserReply {
	return dovecot.UserReply{}
}

func (b *backend) User(_ context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	switch name := strings.ToLower(q.User); name {
	case "alice@example.org", "bob@example.org":
		return dovecot.UserReply{Outcome: dovecot.Found, User: name}
	case "down@example.org":
		return dovecot.UserReply{}
	}
	return dovecot.UserReply{Outcome: dovecot.NotFound}
}

func (b *backend) last() dovecot.Auth {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[len(b.seen)-1]
}

// A fixture is a harness with a daemon of its own that can be stopped.
type fixture struct {
	*testing.T
	*Server
	backend *backend
	dir     string
	stop    func()
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &fixture{T: t, backend: &backend{}, dir: dir}
	f.startDaemon()
	t.Cleanup(func() { f.stop() })
	f.Server, err = Start(Options{
		AuthSocket:   filepath.Join(dir, "auth-client"),
		UserdbSocket: filepath.Join(dir, "auth-userdb"),
		Log:          slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) startDaemon() {
	f.Helper()
	srv := &dovecot.Server{
		Backend: f.backend,
		Master:  f.backend,
		Mechanisms: func() []dovecot.Mechanism {
			return []dovecot.Mechanism{{Name: "PLAIN", Flags: []string{"plaintext"}}, {Name: "LOGIN", Flags: []string{"plaintext"}}}
		},
	}
	var wg sync.WaitGroup
	for name, kind := range map[string]dovecot.Kind{"auth-client": dovecot.KindClient, "auth-userdb": dovecot.KindUserdb} {
		l, err := net.Listen("unix", filepath.Join(f.dir, name))
		if err != nil {
			f.Fatal(err)
		}
		wg.Go(func() { _ = srv.Serve(l, kind) })
	}
	f.stop = sync.OnceFunc(func() {
		_ = srv.Close()
		wg.Wait()
	})
}

func (f *fixture) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(f.CertPEM())
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// A talk is a connection that is led by a script of lines, "C: " for what we
// send and "S: " for what has to come; "*" stands for anything.
type talk struct {
	f    *fixture
	conn net.Conn
	r    *bufio.Reader
}

func (f *fixture) dial(addr *net.TCPAddr, implicit bool) *talk {
	f.Helper()
	var c net.Conn
	c, err := net.DialTCP("tcp", nil, addr)
	if err != nil {
		f.Fatal(err)
	}
	if implicit {
		c = tls.Client(c, f.clientTLS())
	}
	f.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		f.Fatal(err)
	}
	return &talk{f: f, conn: c, r: bufio.NewReader(c)}
}

func (k *talk) startTLS() {
	c := tls.Client(k.conn, k.f.clientTLS())
	k.conn, k.r = c, bufio.NewReader(c)
	k.f.Cleanup(func() { c.Close() })
}

func (k *talk) script(lines string) {
	k.f.Helper()
	for line := range strings.Lines(lines) {
		line = strings.Trim(line, "\t\n")
		what, text, _ := strings.Cut(line, ": ")
		switch what {
		case "":
		case "C":
			if _, err := io.WriteString(k.conn, text+"\r\n"); err != nil {
				k.f.Fatalf("%s: %v", line, err)
			}
		case "S":
			got, err := k.r.ReadString('\n')
			if err != nil {
				k.f.Fatalf("want %q, got %v", line, err)
			}
			if got = strings.TrimSuffix(got, "\r\n"); !glob(text, got) {
				k.f.Fatalf("want %q, got %q", line, "S: "+got)
			}
		default:
			k.f.Fatalf("bad script line %q", line)
		}
	}
}

// ends checks that the server says nothing more.
func (k *talk) ends() {
	k.f.Helper()
	if rest, err := io.ReadAll(k.r); err != nil || len(rest) > 0 {
		k.f.Errorf("after the end: %q, %v", rest, err)
	}
}

func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}
