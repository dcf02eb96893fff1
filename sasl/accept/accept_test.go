package accept

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// listener hands out the ends of pipes.
type listener struct {
	failures []error // of the first accepts
	dialed   chan net.Conn
	closed   chan struct{}
}

func newListener(failures ...error) *listener {
	return &listener{failures, make(chan net.Conn), make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	if len(l.failures) > 0 {
		err := l.failures[0]
		l.failures = l.failures[1:]
		return nil, &net.OpError{Op: "accept", Err: err}
	}
	select {
	case c := <-l.dialed:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close is called twice: by the stop, and by Serve when it returns.
func (l *listener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (*listener) Addr() net.Addr { return &net.UnixAddr{} }

// dial gives the client's end of a connection once it was accepted.
func (l *listener) dial() net.Conn {
	client, server := net.Pipe()
	l.dialed <- server
	return client
}

// served is a connection that answers a byte with one of its own, after which it
// is at its end.
type served struct {
	net.Conn
	thinking chan struct{} // closed when it may answer
	aborted  chan struct{}
}

func (c *served) Serve() {
	defer c.Close()
	one := make([]byte, 1)
	if _, err := c.Read(one); err != nil {
		return
	}
	select {
	case <-c.thinking:
		_, _ = c.Write(one)
	case <-c.aborted:
	}
}

func (c *served) Shutdown() { _ = c.SetReadDeadline(time.Unix(1, 0)) }

func (c *served) Abort() {
	_ = c.Close()
	close(c.aborted)
}

// group is a Group that serves one listener with room for two connections.
type group struct {
	Group[*served]
	*listener
	log      bytes.Buffer
	thinking chan struct{} // of all connections
	refuse   bool          // what was accepted
	done     chan error
}

func serve(l *listener) *group {
	g := &group{listener: l, thinking: make(chan struct{}), done: make(chan error, 1)}
	made := func(nc net.Conn) (*served, bool) {
		return &served{nc, g.thinking, make(chan struct{})}, !g.refuse
	}
	go func() { g.done <- g.Serve(l, 2, slog.New(slog.NewTextHandler(&g.log, nil)), made) }()
	return g
}

// asked is the client's end of a connection that has sent its byte.
func (g *group) asked(t *testing.T) net.Conn {
	t.Helper()
	c := g.dial()
	if _, err := c.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	return c
}

// told counts what the log says.
func (g *group) told(what string) int {
	synctest.Wait()
	return strings.Count(g.log.String(), what)
}

// answered tells whether a byte comes before the end.
func answered(c net.Conn) bool {
	n, _ := c.Read(make([]byte, 1))
	return n == 1
}

// bubble runs a test with a group whose listener fails first, and ends the group
// after it.
func bubble(t *testing.T, failures []error, test func(t *testing.T, g *group)) {
	synctest.Test(t, func(t *testing.T) {
		g := serve(newListener(failures...))
		test(t, g)
		g.Group.Close()
		if err := <-g.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if len(g.listeners)+len(g.conns) != 0 {
			t.Errorf("left: %d listeners, %d connections", len(g.listeners), len(g.conns))
		}
	})
}

// TestBacksOff: an accept that fails for want of something is tried again, later each time.
func TestBacksOff(t *testing.T) {
	failures := []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, os.ErrDeadlineExceeded}
	bubble(t, failures, func(t *testing.T, g *group) {
		began := time.Now()
		close(g.thinking)
		if !answered(g.asked(t)) {
			t.Error("not served")
		}
		if waited := time.Since(began); waited != 75*time.Millisecond {
			t.Errorf("accepted after %v, want 5 + 10 + 20 + 40 ms", waited)
		}
		if n := g.told("accept failed"); n != len(failures) {
			t.Errorf("told %d times", n)
		}
	})
	bubble(t, slices.Repeat([]error{syscall.EMFILE}, 1000), func(t *testing.T, g *group) {
		time.Sleep(time.Minute) // it waits for the next accept, and the stop does not wait for it
		if n := g.told("pause=1s"); n != 59 {
			t.Errorf("a second's pause %d times", n)
		}
	})
}

// TestBroken: what does not pass ends Serve, and with it the listener.
func TestBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		g := serve(newListener(broken))
		if err := <-g.done; !errors.Is(err, broken) {
			t.Error(err)
		}
		<-g.closed
	})
}

// TestFull: more than there is room for wait, which is told once a minute.
func TestFull(t *testing.T) {
	bubble(t, nil, func(t *testing.T, g *group) {
		for range 3 {
			first, second := g.dial(), g.dial()
			dialed := make(chan net.Conn)
			go func() { dialed <- g.dial() }()
			synctest.Wait()
			if len(g.conns) != 2 {
				t.Fatalf("%d connections", len(g.conns))
			}
			first.Close()
			third := <-dialed
			second.Close()
			third.Close()
			synctest.Wait()
		}
		if n := g.told("too many connections"); n != 1 {
			t.Errorf("told %d times", n)
		}
		time.Sleep(tellFullEvery)
		g.dial()
		g.dial()
		if n := g.told("too many connections"); n != 2 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestNotMade: what is no connection takes no room.
func TestNotMade(t *testing.T) {
	bubble(t, nil, func(t *testing.T, g *group) {
		g.refuse = true
		for range 5 {
			if answered(g.dial()) {
				t.Error("served")
			}
		}
	})
}

// TestShutdown waits for what was asked, and for nothing else.
func TestShutdown(t *testing.T) {
	bubble(t, nil, func(t *testing.T, g *group) {
		idle, asking := g.dial(), g.asked(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("did not wait: %v", err)
		}
		if answered(idle) {
			t.Error("an answer without a question")
		}
		close(g.thinking)
		if !answered(asking) {
			t.Error("not answered")
		}
		if err := g.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		late := newListener()
		if err := g.Serve(late, 1, slog.New(slog.DiscardHandler), nil); err != nil {
			t.Error(err)
		}
		<-late.closed
	})
}

// TestClose waits for nothing, and what is accepted while the group stops is aborted.
func TestClose(t *testing.T) {
	bubble(t, nil, func(t *testing.T, g *group) {
		asking := g.asked(t)
		g.Group.Close()
		if answered(asking) {
			t.Error("answered")
		}
		client, server := net.Pipe()
		c := &served{server, g.thinking, make(chan struct{})}
		g.start(c, nil)
		<-c.aborted
		if answered(client) {
			t.Error("answered")
		}
	})
	new(Group[*served]).Close() // one that never served
}
