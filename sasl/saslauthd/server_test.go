package saslauthd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds waits for what must come. Nothing is right by being fast.
const patience = 30 * time.Second

// serving is a server on a socket of its own.
type serving struct {
	*Server
	path string
	log  *lockedBuffer
	done chan error // what Serve returned
}

type lockedBuffer struct {
	mu sync.Mutex
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

func serve(t *testing.T, s *Server) *serving {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk") // t.TempDir's paths are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &serving{Server: s, path: filepath.Join(dir, "mux"), log: new(lockedBuffer), done: make(chan error, 1)}
	s.Log = slog.New(slog.NewTextHandler(r.log, nil))
	l, err := net.Listen("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return r
}

func (r *serving) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answers returns everything that a peer gets for what it sends.
func (r *serving) answers(t *testing.T, pieces ...[]byte) string {
	t.Helper()
	conn := r.dial(t)
	for _, p := range pieces {
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// echo says what it was asked.
func echo(_ context.Context, r *Request) Reply {
	return Reply{Outcome: No, Text: strings.Join([]string{r.Login, r.Password(), r.Service, r.Realm, r.Remote.Addr().String()}, "|")}
}

func TestServer(t *testing.T) {
	s := serve(t, &Server{Answer: echo})
	if got := s.answers(t, wire("ada", "pw", "imap", "example.org")); got != string(wire("NO ada|pw|imap|example.org|invalid IP")) {
		t.Errorf("%q", got)
	}
	if got := s.answers(t, wire("ada", "pw", "imap", "example.org", "192.0.2.1;1")); got != string(wire("NO ada|pw|imap|example.org|192.0.2.1")) {
		t.Errorf("%q", got)
	}
	// Pieces are put together, however small.
	var bytewise [][]byte
	for _, b := range wire("ada", "pw", "imap", "example.org") {
		bytewise = append(bytewise, []byte{b})
	}
	if got := s.answers(t, bytewise...); got != string(wire("NO ada|pw|imap|example.org|invalid IP")) {
		t.Errorf("%q", got)
	}
	if s.log.String() != "" {
		t.Errorf("logged %q", s.log)
	}
}

func TestUnanswered(t *testing.T) {
	s := serve(t, &Server{Answer: func(context.Context, *Request) Reply { return Reply{Text: "nobody knows"} }})
	if got := s.answers(t, wire("ada", "pw", "imap", "")); got != "\x00\x00" {
		t.Errorf("%q", got)
	}
	reply, err := Ask(t.Context(), s.dial(t), &Request{Login: "ada", Password: func() string { return "pw" }})
	if reply != (Reply{}) || err != nil {
		t.Errorf("%+v, %v", reply, err)
	}
}

// A panic is no answer, and the server lives on.
func TestPanic(t *testing.T) {
	s := serve(t, &Server{Answer: func(_ context.Context, r *Request) Reply {
		if r.Login == "bad" {
			panic("about " + r.Password())
		}
		return Reply{Outcome: OK}
	}})
	if got := s.answers(t, wire("bad", "hunter2", "imap", "")); got != "\x00\x00" {
		t.Errorf("%q", got)
	}
	if got := s.answers(t, wire("good", "hunter2", "imap", "")); got != string(wire("OK")) {
		t.Errorf("%q", got)
	}
	if log := s.log.String(); !strings.Contains(log, "panic=string") || strings.Contains(log, "hunter") {
		t.Errorf("log %q", log)
	}
}

// A peer that breaks the protocol hears nothing and leaves one line in the log,
// which shows nothing of what it sent.
func TestBrokenPeers(t *testing.T) {
	s := serve(t, &Server{Answer: echo, RequestTimeout: time.Hour})
	for name, sent := range map[string][]byte{
		"text":                  []byte("hunter2\r\n"),
		"too long":              wire("ada", strings.Repeat("hunter2", 2000), "imap", ""),
		"six strings":           wire("ada", "hunter2", "imap", "", "", ""),
		"gone in the middle":    wire("ada", "hunter2", "imap", "example.org")[:12],
		"gone after the length": {0},
	} {
		before := strings.Count(s.log.String(), "\n")
		conn := s.dial(t)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		// What it did not read makes the peer see a reset.
		if got, _ := io.ReadAll(conn); len(got) != 0 {
			t.Errorf("%s: answered %q", name, got)
		}
		log := s.log.String()
		if strings.Count(log, "\n") != before+1 || strings.Contains(log, "hunter") || !strings.Contains(log, "cause=") {
			t.Errorf("%s: log %q", name, log)
		}
	}
	before := s.log.String()
	conn := s.dial(t)
	conn.(*net.UnixConn).CloseWrite()
	if got, err := io.ReadAll(conn); len(got) != 0 || err != nil {
		t.Errorf("who says nothing is answered %q, %v", got, err)
	}
	if s.log.String() != before {
		t.Errorf("a look at the socket is logged: %q", s.log)
	}
}

func TestSlowPeer(t *testing.T) {
	s := serve(t, &Server{Answer: echo, RequestTimeout: time.Millisecond})
	if got := s.answers(t, wire("ada", "hunter2", "imap", "")[:9]); got != "" {
		t.Errorf("answered %q", got)
	}
	if log := s.log.String(); !strings.Contains(log, "timeout") || strings.Contains(log, "hunter") {
		t.Errorf("log %q", log)
	}
}

// A reply waits for its time and holds nobody else up.
func TestAge(t *testing.T) {
	const delay = 500 * time.Millisecond
	s := serve(t, &Server{Answer: func(_ context.Context, r *Request) Reply {
		if r.Login == "good" {
			return Reply{Outcome: OK}
		}
		return Reply{Outcome: No, At: r.Received.Add(delay)}
	}})
	late := make(chan time.Duration)
	sent := time.Now()
	slow := s.dial(t)
	if _, err := slow.Write(wire("bad", "pw", "imap", "")); err != nil {
		t.Fatal(err)
	}
	go func() {
		io.ReadAll(slow)
		late <- time.Since(sent)
	}()
	if got := s.answers(t, wire("good", "pw", "imap", "")); got != string(wire("OK")) {
		t.Errorf("%q", got)
	}
	select {
	case age := <-late:
		t.Errorf("the refusal left first, at the age of %v", age)
	default:
	}
	if age := <-late; age < delay {
		t.Errorf("a refusal left at the age of %v", age)
	}
}

// At a stop replies that wait for their time leave at once, those that are being
// decided are waited for, and who has not finished asking is sent away.
func TestShutdown(t *testing.T) {
	asked, release := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, &Server{Answer: func(_ context.Context, r *Request) Reply {
		asked <- struct{}{}
		if r.Login == "thinking" {
			<-release
			return Reply{Outcome: OK}
		}
		return Reply{Outcome: No, At: time.Now().Add(time.Hour)}
	}})
	waiting, thinking, asking := s.dial(t), s.dial(t), s.dial(t)
	asking.Write(wire("ada", "pw", "imap", "")[:7])
	waiting.Write(wire("waiting", "pw", "imap", ""))
	thinking.Write(wire("thinking", "pw", "imap", ""))
	<-asked
	<-asked
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(short); !errors.Is(err, context.Canceled) {
		t.Errorf("did not wait for a decision: %v", err)
	}
	if got, _ := io.ReadAll(waiting); string(got) != string(wire("NO")) {
		t.Errorf("%q", got)
	}
	if got, _ := io.ReadAll(asking); len(got) != 0 {
		t.Errorf("%q", got)
	}
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got, _ := io.ReadAll(thinking); string(got) != string(wire("OK")) {
		t.Errorf("%q", got)
	}
	if err := <-s.done; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if strings.Contains(s.log.String(), "cause=") {
		t.Errorf("a stop is nobody's fault: %q", s.log)
	}
	l, err := net.Listen("unix", s.path+"2")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after a stop: %v", err)
	}
}

// Close gives up on decisions.
func TestClose(t *testing.T) {
	asked := make(chan struct{})
	s := serve(t, &Server{Answer: func(ctx context.Context, _ *Request) Reply {
		close(asked)
		<-ctx.Done()
		return Reply{}
	}})
	conn := s.dial(t)
	conn.Write(wire("ada", "pw", "imap", ""))
	<-asked
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, _ := io.ReadAll(conn); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if err := <-s.done; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
}

// Only so many are served at once; others wait for their turn.
func TestMaxConns(t *testing.T) {
	asked, release := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, &Server{MaxConns: 1, Answer: func(context.Context, *Request) Reply {
		asked <- struct{}{}
		<-release
		return Reply{Outcome: OK}
	}})
	first, second := s.dial(t), s.dial(t)
	first.Write(wire("ada", "pw", "imap", ""))
	second.Write(wire("ada", "pw", "imap", ""))
	<-asked
	for !strings.Contains(s.log.String(), "too many connections") {
		time.Sleep(time.Millisecond) // the line comes
	}
	select {
	case <-asked:
		t.Error("two at once")
	default:
	}
	close(release)
	for _, conn := range []net.Conn{first, second} {
		if got, err := io.ReadAll(conn); string(got) != string(wire("OK")) || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestAsk(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		want Reply
		err  error
	}{
		"yes":          {string(wire("OK")), Reply{Outcome: OK}, nil},
		"no":           {string(wire("NO why")), Reply{Outcome: No, Text: "why"}, nil},
		"empty":        {"\x00\x00", Reply{}, nil},
		"short":        {"\x00\x01O", Reply{}, nil},
		"closed":       {"", Reply{}, io.EOF},
		"cut":          {"\x00\x05OK", Reply{}, io.ErrUnexpectedEOF},
		"another word": {string(wire("HI")), Reply{}, ErrReply},
	} {
		ours, theirs := net.Pipe()
		go func() {
			theirs.Read(make([]byte, maxRequest))
			io.WriteString(theirs, c.said)
			theirs.Close()
		}()
		got, err := Ask(t.Context(), ours, &Request{Password: func() string { return "pw" }})
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	ours, _ := net.Pipe()
	if _, err := Ask(t.Context(), ours, &Request{Login: strings.Repeat("x", maxRequest), Password: func() string { return "" }}); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		theirs.Read(make([]byte, maxRequest))
		cancel()
	}()
	if got, err := Ask(ctx, ours, &Request{Password: func() string { return "pw" }}); got != (Reply{}) || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", got, err)
	}
}
