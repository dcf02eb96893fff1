package daemon

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// What one login with an app password may cost, from its line to its answer.
// The race detector's own allocations are not counted.
const (
	maxLoginAllocs = 25
	maxLoginBytes  = 2048
)

// feed is a connection without a socket. The server reads AUTH lines from it, one
// at a time, for as many logins as are asked for, and its answers are counted.
type feed struct {
	net.Conn // what the server does not need
	order    chan int
	done     chan struct{}
	tail     []byte // of each AUTH line, what stands behind its id
	left, id int
	line     []byte
	accepted int
	closed   sync.Once
	end      chan struct{}
}

func newFeed(name, password string) *feed {
	resp := base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + password))
	return &feed{
		order: make(chan int), done: make(chan struct{}), end: make(chan struct{}),
		line: []byte("VERSION\t1\t2\nCPID\t1\n"),
		tail: []byte("\tPLAIN\tservice=imap\tsecured=tls\tsession=k3vZ1lgPnK0KAAAB\tlip=192.0.2.1\trip=198.51.100.7\tlport=993\trport=51000\tresp=" + resp + "\n"),
	}
}

// logins has n logins answered.
func (f *feed) logins(n int) {
	f.order <- n
	<-f.done
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.line) == 0 {
		if f.left == 0 && f.id > 0 {
			f.done <- struct{}{}
		}
		for f.left == 0 {
			select {
			case f.left = <-f.order:
			case <-f.end:
				return 0, io.EOF
			}
		}
		f.left--
		f.id++
		f.line = append(strconv.AppendInt(append(f.line, "AUTH\t"...), int64(f.id), 10), f.tail...)
	}
	n := copy(p, f.line)
	f.line = f.line[:copy(f.line, f.line[n:])]
	return n, nil
}

func (f *feed) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("OK\t")) {
		f.accepted++
	}
	return len(p), nil
}

func (f *feed) Close() error                     { f.closed.Do(func() { close(f.end) }); return nil }
func (f *feed) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (f *feed) SetReadDeadline(time.Time) error  { return nil }
func (f *feed) SetWriteDeadline(time.Time) error { return nil }

// Accept and Addr make it the listener of its one connection.
type feedListener struct {
	*feed
	once chan net.Conn
}

func (l feedListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.once:
		return nc, nil
	case <-l.end:
		return nil, net.ErrClosed
	}
}
func (l feedListener) Addr() net.Addr { return &net.UnixAddr{} }

// feedDaemon opens a daemon on a bbolt file on disk, with an account that has
// three app passwords, and returns a feed that logs in with the last of them.
func feedDaemon(tb testing.TB) *feed {
	tb.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	cfg := config.Default()
	cfg.DataDir, cfg.RunDir = filepath.Join(dir, "data"), filepath.Join(dir, "run")
	d, err := Open(cfg, Options{Hasher: hasher.Options{
		Workers: 1, Start: func() (hasher.Worker, error) { return hasher.Local(), nil },
	}})
	if err != nil {
		tb.Fatal(err)
	}
	const address = "someone@example.org"
	f := newFeed(address, addThreeAppPasswords(tb, d, address))
	l := feedListener{f, make(chan net.Conn, 1)}
	l.once <- f
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := d.server.Serve(l, dovecot.KindClient); !errors.Is(err, dovecot.ErrServerClosed) {
			tb.Errorf("Serve: %v", err)
		}
	})
	tb.Cleanup(func() {
		d.server.Close()
		serving.Wait()
		if err := d.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return f
}

func addThreeAppPasswords(tb testing.TB, d *Daemon, address string) (last string) {
	tb.Helper()
	keys, err := secret.LoadKeys(filepath.Join(d.config().DataDir, KeyFile))
	if err != nil {
		tb.Fatal(err)
	}
	err = d.store.Update(tb.Context(), func(w *store.Writer) error {
		hash, err := secret.Hash(rand.Reader, secret.New(mainPass), secret.DefaultCost())
		if err != nil {
			return err
		}
		a, err := w.CreateAccount(address, hash)
		if err != nil {
			return err
		}
		for i := range 3 {
			letters, err := secret.NewAppPassword(rand.Reader)
			if err != nil {
				return err
			}
			a.AppPasswords = append(a.AppPasswords, store.AppPasswordRow{
				ID: store.AppPasswordID{byte(i + 1)}, Tag: keys.AppPasswordTag(a.ID, letters), Scopes: store.ScopeAll, State: store.Live,
			})
			last = string(letters[:])
		}
		return w.PutAccount(a)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return last
}

// BenchmarkLogin is one login with an app password through everything but a
// socket: line, mechanism, name, policy, bbolt, event, answer.
func BenchmarkLogin(b *testing.B) {
	f := feedDaemon(b)
	f.logins(1)
	b.ReportAllocs()
	b.ResetTimer()
	f.logins(b.N)
	b.StopTimer()
	if f.accepted != b.N+1 {
		b.Fatalf("%d of %d logins accepted", f.accepted, b.N+1)
	}
}

// TestLoginAllocations holds the path of a login to its budget.
func TestLoginAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	const logins = 1000
	f := feedDaemon(t)
	f.logins(10 * logins) // what is made once and kept has been made
	allocs := testing.AllocsPerRun(3, func() { f.logins(logins) }) / logins
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		f.logins(b.N)
	})
	if f.accepted != f.id {
		t.Fatalf("%d of %d logins accepted", f.accepted, f.id)
	}
	perLogin := fmt.Sprintf("%.1f allocations and %d bytes for each login", allocs, result.AllocedBytesPerOp())
	if allocs > maxLoginAllocs || result.AllocedBytesPerOp() > maxLoginBytes {
		t.Errorf("%s; at most %d and %d", perLogin, maxLoginAllocs, maxLoginBytes)
	}
	t.Log(perLogin)
}
