package saslauthd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/accept"
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

	group accept.Group[*conn]
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
	made := func(nc net.Conn) (*conn, bool) { return s.newConn(nc, l.Addr()), true }
	if err := s.group.Serve(l, orDefault(s.MaxConns, 4096), s.log(), made); err != nil {
		return err
	}
	return ErrServerClosed
}

// Shutdown stops accepting and reading, lets replies that wait for their time
// leave at once, and waits for those that are being decided. When ctx ends first
// it returns its error; Close then does the rest.
func (s *Server) Shutdown(ctx context.Context) error { return s.group.Shutdown(ctx) }

// Close closes all listeners and connections at once and waits for their
// goroutines. Answer must not call it.
func (s *Server) Close() error {
	s.group.Close()
	return nil
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
