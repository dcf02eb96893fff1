package saslauthd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("saslauthd: server closed")

// Server serves the protocol on any number of listeners. Its fields are set
// before the first Serve and not changed after it. The zero value of a limit
// stands for its default.
type Server struct {
	// Answer decides about a request. It is called in the goroutine of its
	// connection and may take its time; ctx ends when Close gives up on it.
	Answer func(ctx context.Context, r *Request) Reply
	// Log gets one line for each peer that breaks the protocol; nil: none.
	Log *slog.Logger

	MaxConns       int           // connections of one listener; more wait to be accepted (4,096)
	RequestTimeout time.Duration // from accept to the end of the request (10 s)
	WriteTimeout   time.Duration // for the reply (10 s)

	mu        sync.Mutex
	stopped   bool // guarded by mu, as is all that follows
	stopping  context.Context
	stop      context.CancelFunc // ends stopping: no more requests, no more waiting for At
	deciding  context.Context
	giveUp    context.CancelFunc // ends deciding
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
	wg        sync.WaitGroup // one for each connection
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func orDefault[T int | time.Duration](n, otherwise T) T {
	if n > 0 {
		return n
	}
	return otherwise
}

// Serve accepts connections on l until Shutdown or Close, then returns
// ErrServerClosed. It closes l in any case.
func (s *Server) Serve(l net.Listener) error {
	stopping, ok := s.enter(l)
	if !ok {
		_ = l.Close() // nobody was served
		return ErrServerClosed
	}
	defer s.leave(l)
	slots := make(chan struct{}, orDefault(s.MaxConns, 4096))
	var pause time.Duration
	var told time.Time // that all slots are taken
	for {
		if !s.slot(stopping, slots, &told) {
			return ErrServerClosed
		}
		conn, err := l.Accept()
		if err != nil {
			<-slots
			if pause, err = s.acceptFailed(stopping, err, pause); err != nil {
				return err
			}
			continue
		}
		pause = 0
		if !s.start(conn, l.Addr(), func() { <-slots }) {
			return ErrServerClosed
		}
	}
}

// tellFullEvery is how often the log says that connections have to wait: a full
// listener is full again after each that leaves.
const tellFullEvery = time.Minute

// slot waits until a listener may have one more connection; false if the server is closed.
func (s *Server) slot(stopping context.Context, slots chan<- struct{}, told *time.Time) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
	}
	if now := time.Now(); told.IsZero() || now.Sub(*told) >= tellFullEvery {
		s.log().Warn("too many connections: more have to wait", "max", cap(slots))
		*told = now
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-stopping.Done():
		return false
	}
}

// acceptFailed waits a little longer each time, up to a second, if the failure
// may pass, such as a lack of file descriptors.
func (s *Server) acceptFailed(stopping context.Context, err error, pause time.Duration) (time.Duration, error) {
	if stopping.Err() != nil {
		return 0, ErrServerClosed
	}
	if !passing(err) {
		return 0, err
	}
	pause = min(max(2*pause, 5*time.Millisecond), time.Second)
	s.log().Error("accept failed", "error", err, "pause", pause)
	select {
	case <-time.After(pause):
		return pause, nil
	case <-stopping.Done():
		return 0, ErrServerClosed
	}
}

// passing says whether an accept may work again later.
func passing(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// enter registers a listener; false if the server is closed.
func (s *Server) enter(l net.Listener) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, false
	}
	if s.stopping == nil {
		s.stopping, s.stop = context.WithCancel(context.Background())
		s.deciding, s.giveUp = context.WithCancel(context.Background())
		s.listeners = make(map[net.Listener]struct{})
		s.conns = make(map[net.Conn]struct{})
	}
	s.listeners[l] = struct{}{}
	return s.stopping, true
}

func (s *Server) leave(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	_ = l.Close() // its work is done
}

// start runs one connection in a goroutine of its own; false if the server is closed.
func (s *Server) start(conn net.Conn, path net.Addr, over func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		_ = conn.Close() // never used
		return false
	}
	s.conns[conn] = struct{}{}
	stopping, deciding := s.stopping, s.deciding
	s.wg.Go(func() {
		defer over()
		s.serve(stopping, deciding, conn, path)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	})
	return true
}

// serve is the life of a connection.
func (s *Server) serve(stopping, deciding context.Context, conn net.Conn, path net.Addr) {
	defer conn.Close()
	// What has begun to arrive when the server stops is not waited for.
	unread := context.AfterFunc(stopping, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer unread()
	r, err := s.read(stopping, conn)
	if err != nil {
		if stopping.Err() == nil && !errors.Is(err, io.EOF) {
			s.log().Warn("connection closed", "kind", "saslauthd", "path", path, "cause", err)
		}
		return
	}
	reply := s.answer(deciding, r)
	if wait := time.Until(reply.At); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stopping.Done():
		}
	}
	if err := conn.SetWriteDeadline(time.Now().Add(orDefault(s.WriteTimeout, 10*time.Second))); err != nil {
		return // closed by Close
	}
	_, _ = conn.Write(reply.appendTo(nil)) // a peer that has gone needs no reply
}

// answer asks Answer. One that panics has not answered.
func (s *Server) answer(ctx context.Context, r *Request) (reply Reply) {
	defer func() {
		if v := recover(); v != nil {
			s.log().Error("answering panicked", "panic", panicText(v), "stack", string(debug.Stack()))
			reply = Reply{}
		}
	}()
	return s.Answer(ctx, r)
}

// panicText is what a log may show of a panic: words of Answer's own may hold a secret.
func panicText(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}

// read reads one request. The error is [io.EOF] for a peer that sent nothing.
func (s *Server) read(stopping context.Context, conn net.Conn) (*Request, error) {
	if err := conn.SetReadDeadline(time.Now().Add(orDefault(s.RequestTimeout, 10*time.Second))); err != nil {
		return nil, err
	}
	if stopping.Err() != nil { // its deadline may have come before this one
		return nil, stopping.Err()
	}
	buffer := make([]byte, maxRequest) // never full without a whole request or an error
	for n := 0; ; {
		m, err := conn.Read(buffer[n:])
		n += m
		if m > 0 {
			r, wrong := parseRequest(buffer[:n])
			if wrong != nil {
				return nil, wrong
			}
			if r != nil {
				r.Received = time.Now()
				return r, nil
			}
		}
		if errors.Is(err, io.EOF) && n > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
}

// Shutdown stops accepting and reading, lets replies that wait for their time
// leave at once, and waits for those that are being decided. When ctx ends first
// it returns its error; Close then does the rest.
func (s *Server) Shutdown(ctx context.Context) error {
	s.halt()
	ended := make(chan struct{})
	go func() { // ends with the last connection
		s.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes all listeners and connections at once and waits for their
// goroutines. Answer must not call it.
func (s *Server) Close() error {
	for _, conn := range s.halt() {
		_ = conn.Close() // its goroutine notices
	}
	s.mu.Lock()
	if s.giveUp != nil {
		s.giveUp()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// halt stops accepting and returns the connections there are.
func (s *Server) halt() []net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.stop != nil {
		s.stop()
	}
	for l := range s.listeners {
		_ = l.Close() // Serve notices
	}
	conns := make([]net.Conn, 0, len(s.conns))
	for conn := range s.conns {
		conns = append(conns, conn)
	}
	return conns
}
