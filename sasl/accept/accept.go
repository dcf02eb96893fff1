// Package accept is what servers of stream protocols have in common: listeners
// with a bound on their connections, patience when the system runs short, and a
// stop that waits for the connections or cuts them off.
//
// It knows no protocol. A server makes the connections, by the function that it
// gives to [Group.Serve]; the package starts them, remembers them and ends them.
package accept

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// Conn is a connection as its server sees it.
type Conn interface {
	comparable
	// Serve is the life of the connection, in a goroutine of its own, and closes it.
	Serve()
	// Shutdown has it read no more and end once what was asked is answered. It
	// returns at once, and may be called before Serve, after it and more than once.
	Shutdown()
	// Abort closes it and gives up what it waits for; else as Shutdown.
	Abort()
}

// Group is the listeners and the connections of one server, from its first
// listener to the end of its last connection. The zero value is ready.
type Group[C Conn] struct {
	connections sync.WaitGroup // their goroutines

	mu        sync.Mutex // guards what follows
	stopped   bool
	stopping  chan struct{} // closed when stopped is set; made with the first listener
	listeners map[net.Listener]struct{}
	conns     map[C]struct{}
}

// Serve accepts connections on l, up to most at a time, until Shutdown or Close,
// and then returns nil. It closes l in any case. made makes of what was accepted
// a connection that is to be served; where it returns false, it has said why, and
// what was accepted is closed.
func (g *Group[C]) Serve(l net.Listener, most int, log *slog.Logger, made func(net.Conn) (C, bool)) error {
	stopping, ok := g.enter(l)
	if !ok {
		_ = l.Close() // nobody was served
		return nil
	}
	defer g.leave(l)
	a := accepting{stopping: stopping, slots: make(chan struct{}, most), log: log}
	for a.slot() {
		accepted, err := l.Accept()
		if err != nil {
			a.free()
			if err := a.failed(err); err != nil {
				return err
			}
			continue
		}
		a.pause = 0
		c, ok := made(accepted)
		if !ok {
			_ = accepted.Close() // never used
			a.free()
			continue
		}
		g.start(c, a.free)
	}
	return nil
}

// enter registers a listener; false if the group has stopped.
func (g *Group[C]) enter(l net.Listener) (<-chan struct{}, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return nil, false
	}
	if g.stopping == nil {
		g.stopping = make(chan struct{})
		g.listeners = make(map[net.Listener]struct{})
		g.conns = make(map[C]struct{})
	}
	g.listeners[l] = struct{}{}
	return g.stopping, true
}

func (g *Group[C]) leave(l net.Listener) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.listeners, l)
	_ = l.Close() // its work is done
}

// start runs a connection, unless the group has stopped meanwhile.
func (g *Group[C]) start(c C, over func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		c.Abort() // nobody would end it
		return
	}
	g.conns[c] = struct{}{}
	g.connections.Go(func() {
		defer over()
		c.Serve()
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.conns, c)
	})
}

// Shutdown stops accepting, has every connection shut down and waits for them.
// When ctx ends first it returns its error; Close then does the rest.
func (g *Group[C]) Shutdown(ctx context.Context) error {
	for _, c := range g.stop() {
		c.Shutdown()
	}
	ended := make(chan struct{})
	go func() { // ends with the last connection
		g.connections.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops accepting, aborts every connection and waits for their goroutines.
// None of these may call it.
func (g *Group[C]) Close() {
	for _, c := range g.stop() {
		c.Abort()
	}
	g.connections.Wait()
}

// stop closes the listeners and returns the connections there are.
func (g *Group[C]) stop() []C {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stopped && g.stopping != nil {
		close(g.stopping)
	}
	g.stopped = true
	for l := range g.listeners {
		_ = l.Close() // Serve notices
	}
	conns := make([]C, 0, len(g.conns))
	for c := range g.conns {
		conns = append(conns, c)
	}
	return conns
}

// accepting is the state of one loop that accepts.
type accepting struct {
	stopping <-chan struct{}
	slots    chan struct{} // one is taken for each connection
	log      *slog.Logger
	told     time.Time     // that all slots are taken
	pause    time.Duration // after the last accept, if it failed
}

// tellFullEvery is how often the log says that connections have to wait: a full
// listener is full again after each that leaves.
const tellFullEvery = time.Minute

// slot waits until there may be one more connection; false if the group has stopped.
func (a *accepting) slot() bool {
	select {
	case <-a.stopping:
		return false
	default:
	}
	select {
	case a.slots <- struct{}{}:
		return true
	default:
	}
	if now := time.Now(); a.told.IsZero() || now.Sub(a.told) >= tellFullEvery {
		a.log.Warn("too many connections: more have to wait", "max", cap(a.slots))
		a.told = now
	}
	select {
	case a.slots <- struct{}{}:
		return true
	case <-a.stopping:
		return false
	}
}

func (a *accepting) free() { <-a.slots }

// failed waits if the failure may pass, such as a lack of file descriptors: 5 ms,
// and twice as long after each in a row, up to 1 s. It returns any other error, but
// none if the group has stopped.
func (a *accepting) failed(err error) error {
	select {
	case <-a.stopping:
		return nil
	default:
	}
	if !passing(err) {
		return err
	}
	a.pause = min(max(2*a.pause, 5*time.Millisecond), time.Second)
	a.log.Error("accept failed", "error", err, "pause", a.pause)
	select {
	case <-time.After(a.pause):
	case <-a.stopping: // slot says so
	}
	return nil
}

// passing says whether an accept may work again later.
func passing(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
