package dovecot

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/accept"
)

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("dovecot: server closed")

// ErrBackend is what Serve returns if the server lacks what the kind of listener needs.
var ErrBackend = errors.New("dovecot: no back end for this kind of listener")

// Kind says what a listener is for.
type Kind uint8

// The kinds of listeners.
const (
	KindClient Kind = iota // AUTH: mail servers and Dovecot's login processes
	KindLogin              // AUTH: the login processes of Dovecot 2.4 and nobody else
	KindMaster             // REQUEST, and all that KindUserdb has: Dovecot's post-login processes
	KindUserdb             // USER, PASS, LIST: LMTP, doveadm and the like
)

// String gives the word for logs.
func (k Kind) String() string {
	switch k {
	case KindClient:
		return "client"
	case KindLogin:
		return "login"
	case KindMaster:
		return "master"
	case KindUserdb:
		return "userdb"
	}
	return "unknown"
}

// Server serves the protocol on any number of listeners. Its fields are set
// before the first Serve and not changed after it. The zero value of a limit
// stands for its default.
type Server struct {
	// Backend decides about logins; needed for KindClient and KindLogin listeners.
	Backend Backend
	// Master answers look-ups; needed for KindMaster and KindUserdb listeners. It
	// may also be a PassBackend and a ListBackend.
	Master MasterBackend
	// Mechanisms gives the mechanisms that a new connection is told of and may
	// use; called at each accept.
	Mechanisms func() []Mechanism
	// SPID is one number for the life of this server on all its sockets: Dovecot
	// compares what a login saw with what the master socket says. 0: the process id.
	SPID uint32
	// Log gets one line for each connection that the server closes; nil: none.
	Log *slog.Logger

	MaxConns         int           // connections of one listener; more wait to be accepted (8,192)
	MaxOpen          int           // open requests of a connection; beyond it the oldest is given up (16,384)
	MaxWaiting       int           // answers waiting for their time on a connection; beyond it the oldest leave early (16,384)
	MaxRemembered    int           // OKs that a connection remembers for REQUEST (4,096)
	MaxUnread        int           // bytes that may wait for a peer which takes half of WriteTimeout for one write (256 KiB)
	HandshakeTimeout time.Duration // from accept to CPID, or to VERSION on master sockets (30 s)
	RequestTimeout   time.Duration // from AUTH to the end of the exchange, and from OK to REQUEST (150 s)
	WriteTimeout     time.Duration // a write stuck longer closes the connection (10 s, and up to 1 s more)

	registry registry
	cuid     atomic.Uint32
	group    accept.Group[*conn]
}

// limits are the limits of a Server with the defaults filled in.
type limits struct {
	open, waiting, remembered, unread int
	handshake, request, write         time.Duration
}

func (s *Server) limits() limits {
	return limits{
		open:       positive(s.MaxOpen, 16384),
		waiting:    positive(s.MaxWaiting, 16384),
		remembered: positive(s.MaxRemembered, 4096),
		unread:     positive(s.MaxUnread, 256<<10),
		handshake:  positive(s.HandshakeTimeout, 30*time.Second),
		request:    positive(s.RequestTimeout, 150*time.Second),
		write:      positive(s.WriteTimeout, 10*time.Second),
	}
}

func positive[T int | time.Duration](n, otherwise T) T {
	if n > 0 {
		return n
	}
	return otherwise
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) spid() uint32 {
	if s.SPID != 0 {
		return s.SPID
	}
	return uint32(os.Getpid())
}

// Serve is ServeListener for a listener of that kind and no other options.
func (s *Server) Serve(l net.Listener, k Kind) error {
	return s.ServeListener(l, ListenerOptions{Kind: k})
}

// ServeListener accepts connections on l until Shutdown or Close, then returns
// ErrServerClosed. It closes l in any case; a *net.UnixListener then removes its
// socket file unless told not to (SetUnlinkOnClose), and Postfix's smtpd does not
// start without that file.
func (s *Server) ServeListener(l net.Listener, o ListenerOptions) error {
	if err := s.ready(l, o.Kind); err != nil {
		_ = l.Close() // the error that counts is the other one
		return err
	}
	made := func(nc net.Conn) (*conn, bool) {
		c, err := s.newConn(nc, l, o)
		if err != nil {
			s.log().Error("connection refused", "kind", o.Kind.String(), "cause", err)
		}
		return c, err == nil
	}
	if err := s.group.Serve(l, positive(s.MaxConns, 8192), s.log(), made); err != nil {
		return err
	}
	return ErrServerClosed
}

// ready finds out before the first connection what would go wrong with every one.
func (s *Server) ready(l net.Listener, k Kind) error {
	switch k {
	case KindClient, KindLogin:
		if s.Backend == nil || s.Mechanisms == nil {
			return ErrBackend
		}
		mechs, err := offered(s.Mechanisms(), k)
		if err == nil {
			_, err = clientHello(k, handshake{mechs, 1<<32 - 1, 1<<32 - 1, [16]byte{}})
		}
		return err
	case KindUserdb:
		if _, err := socketFile(l); err != nil {
			return err
		}
	}
	if s.Master == nil {
		return ErrBackend
	}
	return nil
}

// newConn makes a connection, with what the server says before it has heard anything in out.
func (s *Server) newConn(nc net.Conn, l net.Listener, o ListenerOptions) (*conn, error) {
	c := &conn{srv: s, nc: nc, listener: l, options: o, limits: s.limits(), peer: peerOf(nc)}
	c.changed.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.log = s.log().With("kind", o.Kind.String(), "pid", c.peer.PID)
	if o.Kind != KindClient && o.Kind != KindLogin {
		c.maxLine = maxMasterLine
		c.in = make([]byte, 0, maxMasterLine)
		c.speaker = newMasterConn(c, o.Kind)
		c.out = masterHandshake(s.spid())
		return c, nil
	}
	c.maxLine = maxClientLine
	c.in = make([]byte, 0, firstReadBuffer)
	mechs, err := offered(s.Mechanisms(), o.Kind)
	if err != nil {
		c.cancel()
		return nil, err
	}
	client := newClientConn(c, handshake{mechs: mechs, spid: s.spid(), cuid: s.cuid.Add(1)})
	c.speaker = client
	if c.out, err = clientHello(o.Kind, client.handshake); err != nil {
		c.cancel()
		return nil, err
	}
	return c, nil
}

func newClientConn(c *conn, h handshake) *clientConn {
	_, _ = rand.Read(h.cookie[:]) // crypto/rand.Read never fails
	return &clientConn{
		conn:       c,
		backend:    c.srv.Backend,
		handshake:  h,
		since:      time.Now(),
		open:       make(map[uint32]*Request),
		remembered: remembered{max: c.limits.remembered},
	}
}

// Shutdown stops accepting and reading, lets waiting refusals leave at once,
// waits for the requests that the back end is thinking about and closes each
// connection. Exchanges that wait for their client end without an answer. When
// ctx ends first Shutdown returns its error; Close then does the rest.
func (s *Server) Shutdown(ctx context.Context) error { return s.group.Shutdown(ctx) }

// Close closes all listeners and connections at once and waits for their
// goroutines. It must not be called by a back end from the goroutine of a connection.
func (s *Server) Close() error {
	s.group.Close()
	return nil
}
