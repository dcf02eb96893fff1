package harness

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// maxExchanges is how many logins may be under way at once.
const maxExchanges = 256

var (
	errTooManyLogins = errors.New("harness: too many logins at once")
	errAbandoned     = errors.New("harness: login was abandoned")
	errAuthClosed    = errors.New("harness: closed")
)

// An authClient asks an auth socket. It keeps connections for later logins, one
// login at a time on each, and does not mind when the daemon is restarted.
type authClient struct {
	path    string
	timeout time.Duration
	slots   chan struct{} // holds one element for each exchange

	mu     sync.Mutex // guards what follows
	idle   []*authConn
	closed bool
}

type authConn struct {
	net    net.Conn
	client *dovecot.Client
	reused bool
}

func newAuthClient(path string, timeout time.Duration) *authClient {
	return &authClient{path: path, timeout: timeout, slots: make(chan struct{}, maxExchanges)}
}

// An exchange is one login. While it is under way it owns a connection and one
// of the client's slots. It may be abandoned from any goroutine.
type exchange struct {
	auth *authClient
	id   uint32

	mu   sync.Mutex // guards what follows
	conn *authConn  // nil before begin and after the end
	slot bool
	over bool
}

// begin sends the AUTH line and waits for the answer. Like Postfix
// (xsasl_dovecot_server.c) it tries once more with a new connection if a kept
// one turns out to be dead. Unless the answer is a challenge the exchange is over.
func (x *exchange) begin(r *dovecot.AuthRequest) (dovecot.Reply, error) {
	select {
	case x.auth.slots <- struct{}{}:
	default:
		return dovecot.Reply{}, errTooManyLogins
	}
	x.mu.Lock()
	x.slot = true
	x.mu.Unlock()
	deadline := time.Now().Add(x.auth.timeout)
	for {
		conn, err := x.auth.connect(deadline)
		if err == nil {
			err = x.own(conn)
		}
		if err != nil {
			x.end(false)
			return dovecot.Reply{}, err
		}
		reply, err := x.ask(conn, deadline, func() error {
			x.id, err = conn.client.Start(r)
			return err
		})
		if err != nil && conn.reused && time.Now().Before(deadline) {
			_ = conn.net.Close()
			x.auth.forgetIdle()
			continue
		}
		return x.judge(reply, err)
	}
}

// answer sends the mail program's answer to a challenge and waits for what the
// daemon says to it.
func (x *exchange) answer(response []byte) (dovecot.Reply, error) {
	x.mu.Lock()
	conn := x.conn
	x.mu.Unlock()
	if conn == nil {
		return dovecot.Reply{}, errAbandoned
	}
	return x.judge(x.ask(conn, time.Now().Add(x.auth.timeout), func() error {
		return conn.client.Continue(x.id, response)
	}))
}

// abandon ends an exchange before its verdict. The daemon sees the end of the
// connection and forgets the login.
func (x *exchange) abandon() { x.end(false) }

// ask sends one line and reads up to the reply that belongs to it.
func (x *exchange) ask(conn *authConn, deadline time.Time, send func() error) (dovecot.Reply, error) {
	var reply dovecot.Reply
	err := conn.net.SetDeadline(deadline)
	if err == nil {
		err = send()
	}
	if err == nil {
		err = conn.client.Flush()
	}
	for err == nil && reply.ID != x.id {
		err = conn.client.ReadReply(&reply)
	}
	if err != nil {
		return dovecot.Reply{}, fmt.Errorf("harness: asking %s: %w", x.auth.path, err)
	}
	return reply, nil
}

// judge ends the exchange unless the daemon wants to hear more.
func (x *exchange) judge(reply dovecot.Reply, err error) (dovecot.Reply, error) {
	if err != nil || reply.Kind != dovecot.Challenged {
		x.end(err == nil)
	}
	return reply, err
}

func (x *exchange) own(conn *authConn) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return errors.Join(errAbandoned, conn.net.Close())
	}
	x.conn = conn
	return nil
}

// end gives back what the exchange owns; keep says that its connection is fit
// for another login.
func (x *exchange) end(keep bool) {
	x.mu.Lock()
	conn, slot := x.conn, x.slot
	x.conn, x.slot, x.over = nil, false, true
	x.mu.Unlock()
	switch {
	case conn == nil:
	case keep:
		x.auth.keep(conn)
	default:
		_ = conn.net.Close()
	}
	if slot {
		<-x.auth.slots
	}
}

func (a *authClient) connect(deadline time.Time) (*authConn, error) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil, errAuthClosed
	}
	if n := len(a.idle); n > 0 {
		conn := a.idle[n-1]
		a.idle = a.idle[:n-1]
		a.mu.Unlock()
		conn.reused = true
		return conn, nil
	}
	a.mu.Unlock()
	c, err := net.DialTimeout("unix", a.path, time.Until(deadline))
	if err != nil {
		return nil, fmt.Errorf("harness: %w", err)
	}
	if err := c.SetDeadline(deadline); err != nil {
		return nil, errors.Join(fmt.Errorf("harness: %w", err), c.Close())
	}
	// Minor version 2 is what Dovecot 2.3's logins say: it gets code=temp_fail
	// where older ones would see the connection closed.
	client, err := dovecot.NewClient(c, dovecot.ClientOptions{Minor: 2})
	if err != nil {
		return nil, fmt.Errorf("harness: handshake with %s: %w", a.path, err)
	}
	return &authConn{net: c, client: client}, nil
}

func (a *authClient) keep(conn *authConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		_ = conn.net.Close()
		return
	}
	a.idle = append(a.idle, conn)
}

// forgetIdle closes the kept connections: where one was dead, all are.
func (a *authClient) forgetIdle() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, conn := range a.idle {
		_ = conn.net.Close()
	}
	a.idle = nil
}

func (a *authClient) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.forgetIdle()
}
