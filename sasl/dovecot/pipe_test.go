package dovecot_test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// pipeListener hands out net.Pipe connections: inside a synctest bubble time
// passes only while nobody has anything to do.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// wire is the client's end of a pipe. A goroutine reads its lines; a test that
// wants a peer which never reads uses nc.
type wire struct {
	t     *testing.T
	nc    net.Conn
	lines chan string // closed at the end of the stream
}

func (w *wire) read() {
	in := bufio.NewReader(w.nc)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			close(w.lines)
			return
		}
		w.lines <- strings.TrimSuffix(line, "\n")
	}
}

// servePipes runs s on pipes until the bubble's test ends and returns a dialler.
func servePipes(t *testing.T, s *dovecot.Server, k dovecot.Kind) func() *wire {
	t.Helper()
	return servePipesWith(t, s, dovecot.ListenerOptions{Kind: k})
}

func servePipesWith(t *testing.T, s *dovecot.Server, o dovecot.ListenerOptions) func() *wire {
	t.Helper()
	l := newPipeListener()
	served := make(chan error, 1)
	go func() { served <- s.ServeListener(l, o) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-served; !errors.Is(err, dovecot.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return func() *wire {
		client, server := net.Pipe()
		l.conns <- server
		t.Cleanup(func() { _ = client.Close() }) // tests close theirs when it matters
		return &wire{t: t, nc: client, lines: make(chan string, 1<<16)}
	}
}

// hello begins to read and does the handshake.
func (w *wire) hello(minor string) *wire {
	w.t.Helper()
	go w.read()
	for line := ""; line != "DONE"; {
		line = w.line()
	}
	w.send("VERSION\t1\t"+minor, "CPID\t7")
	return w
}

// helloLogin is hello on a login socket: the client speaks first.
func (w *wire) helloLogin(minor string) *wire {
	w.t.Helper()
	go w.read()
	w.send("VERSION\t1\t"+minor, "CPID\t7")
	for line := ""; line != "DONE"; {
		line = w.line()
	}
	return w
}

func (w *wire) send(lines ...string) {
	w.t.Helper()
	if _, err := io.WriteString(w.nc, strings.Join(lines, "\n")+"\n"); err != nil {
		w.t.Errorf("write %q: %v", lines, err)
	}
}

func (w *wire) line() string {
	w.t.Helper()
	line, ok := <-w.lines
	if !ok {
		w.t.Fatal("the stream has ended")
	}
	return line
}

func (w *wire) want(lines ...string) {
	w.t.Helper()
	for _, want := range lines {
		if got := w.line(); got != want {
			w.t.Errorf("got %q, want %q", got, want)
		}
	}
}

// wantEnd waits for the end of the stream: nothing may come before it.
func (w *wire) wantEnd() {
	w.t.Helper()
	for line := range w.lines {
		w.t.Errorf("want the end of the stream, got %q", line)
	}
}

// wantSilence sees that nothing comes and that the connection stays.
func (w *wire) wantSilence() {
	w.t.Helper()
	synctest.Wait()
	select {
	case line, ok := <-w.lines:
		w.t.Fatalf("want silence, got %q, open: %t", line, ok)
	default:
	}
}

// bubble runs a test in a synctest bubble with a server and its log.
func bubble(t *testing.T, s *dovecot.Server, test func(t *testing.T, dial func() *wire, log *logBuffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBuffer)
		s.Log = log.logger()
		if s.Mechanisms == nil {
			s.Mechanisms = manyMechanisms
		}
		test(t, servePipes(t, s, dovecot.KindClient), log)
	})
}

// plain is an AUTH line for PLAIN; script does what the password says.
func plain(id, password string) string {
	resp := base64.StdEncoding.EncodeToString([]byte("\x00u@example\x00" + password))
	return "AUTH\t" + id + "\tPLAIN\tservice=imap\tresp=" + resp
}

// accepted and refused are the answers of script.
func accepted(id string) string {
	return "OK\t" + id + "\tuser=u@example\tuser_apw=0123456789abcdef"
}

func refused(id string) string { return "FAIL\t" + id + "\tuser=u@example\treason=" + sentence }
