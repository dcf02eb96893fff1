package daemon

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	sentence = "Use an app password: https://mail.example.org/"
	mainPass = "correct horse battery"
)

// running is a whole daemon on sockets of its own.
type running struct {
	*Daemon
	cfg    *config.Config
	hashed *atomic.Int64 // main passwords matched
	stop   func()
	broken bool // its store was taken away

	hold    atomic.Pointer[chan struct{}] // what matching a password waits for
	blocked chan struct{}                 // gets one for each password that waits
}

// block makes the hasher wait until release is closed.
func (r *running) block(release chan struct{}) { r.hold.Store(&release) }

// start runs a daemon in a folder of its own until the test ends.
func start(t *testing.T, edit func(*config.Config)) *running {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk") // t.TempDir's paths are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cfg := config.Default()
	cfg.DataDir, cfg.RunDir = filepath.Join(dir, "data"), filepath.Join(dir, "run")
	cfg.Auth.Refusal, cfg.Auth.FailureDelay = sentence, 0
	if edit != nil {
		edit(cfg)
	}
	return startIn(t, cfg)
}

func startIn(t *testing.T, cfg *config.Config) *running {
	t.Helper()
	return startLogging(t, cfg, nil)
}

// startLogging is startIn with a log, nil for none.
func startLogging(t *testing.T, cfg *config.Config, log *slog.Logger) *running {
	t.Helper()
	r := &running{cfg: cfg, hashed: new(atomic.Int64), blocked: make(chan struct{}, 100)}
	var err error
	r.Daemon, err = Open(cfg, Options{Log: log, Hasher: hasher.Options{
		Workers: 1,
		Cost:    hasher.TinyCost(),
		Start:   func() (hasher.Worker, error) { return countingWorker{hasher.Local(), r}, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Serve(ctx, func() { close(ready) }) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := r.Close(); err != nil && !r.broken {
			t.Errorf("Close: %v", err)
		}
	}
	t.Cleanup(r.stop)
	select {
	case <-ready:
	case err := <-done:
		stopped = true
		t.Fatalf("Serve: %v", err)
	}
	return r
}

// countingWorker also counts what it matches, and waits where a test wants it.
type countingWorker struct {
	hasher.Worker
	running *running
}

func (w countingWorker) Match(stored string, p secret.Secret) (bool, error) {
	w.running.hashed.Add(1)
	if release := w.running.hold.Load(); release != nil {
		w.running.blocked <- struct{}{}
		<-*release
	}
	return w.Worker.Match(stored, p)
}

// account makes an account and edits it, and returns it.
func (r *running) account(t *testing.T, address string, edit func(*store.Account)) *store.Account {
	t.Helper()
	var account *store.Account
	err := r.store.Update(t.Context(), func(w *store.Writer) error {
		hash, err := secret.Hash(rand.Reader, secret.New(mainPass), hasher.TinyCost())
		if err != nil {
			return err
		}
		if account, err = w.CreateAccount(address, hash); err != nil {
			return err
		}
		if edit != nil {
			edit(account)
		}
		return w.PutAccount(account)
	})
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// keys reads the daemon's key file.
func (r *running) keys(t *testing.T) *secret.Keys {
	t.Helper()
	keys, err := secret.LoadKeys(filepath.Join(r.cfg.DataDir, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// peer is a mail server's connection, spoken raw so that every byte is seen.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	hand []string // the server's handshake
	id   int
}

func (r *running) dial(t *testing.T, minor int) *peer {
	t.Helper()
	p := dialPath(t, r.cfg.SocketPaths().Client)
	p.send(fmt.Sprintf("VERSION\t1\t%d", minor), "CPID\t4711")
	for {
		line := p.line()
		p.hand = append(p.hand, line)
		if line == "DONE" {
			return p
		}
	}
}

func dialPath(t *testing.T, path string) *peer {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newPeer(t, conn)
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	conn = ending{conn}
	return &peer{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// ending is a connection whose reads and writes have 30 seconds each: a stuck test
// ends, and a long one on a busy machine does not.
type ending struct{ net.Conn }

func (c ending) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c ending) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (p *peer) send(lines ...string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) line() string {
	p.t.Helper()
	line, err := p.in.ReadString('\n')
	if err != nil {
		p.t.Fatalf("reading: %v (after %q)", err, line)
	}
	return strings.TrimSuffix(line, "\n")
}

// login runs one exchange and returns the answer without its id: "OK\tuser=…".
// params are what stands between mechanism and resp=.
func (p *peer) login(mechanism, params, name, password string) string {
	p.t.Helper()
	p.id++
	id := fmt.Sprint(p.id)
	begin := "AUTH\t" + id + "\t" + mechanism + "\t" + params
	switch mechanism {
	case "PLAIN":
		p.send(begin + "\tresp=" + b64("\x00"+name+"\x00"+password))
	case "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		p.sendSCRAM(begin, id, name, password, mechanism == "SCRAM-SHA-256-PLUS")
	default:
		p.send(begin)
		p.expect("CONT\t" + id + "\t" + b64("Username:"))
		p.send("CONT\t" + id + "\t" + b64(name))
		p.expect("CONT\t" + id + "\t" + b64("Password:"))
		p.send("CONT\t" + id + "\t" + b64(password))
	}
	answer := p.line()
	word, rest, _ := strings.Cut(answer, "\t")
	if got, after, _ := strings.Cut(rest, "\t"); got == id {
		return strings.TrimSuffix(word+"\t"+after, "\t")
	}
	p.t.Fatalf("an answer to another request: %q", answer)
	return ""
}

func (p *peer) expect(want string) {
	p.t.Helper()
	if got := p.line(); got != want {
		p.t.Fatalf("got %q, want %q", got, want)
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
