package daemon

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
)

// maxWebNetwork is how many connections one network has at most, of
// maxWebConnections: one host must not take them all, and an office behind one
// address has enough.
const maxWebNetwork = 256

// maxDoorNetwork is the same for each TCP socket that mail servers ask at, of the
// 8,192 that dovecot.Server serves: one mail server has fewer connections, one for
// each process that waits for logins.
const maxDoorNetwork = 1024

// tellShareEvery is how often the log says that connections were closed.
const tellShareEvery = time.Minute

// sharing is a listener that closes connections at once of which their network
// has its share already. What comes without an address, over a unix socket, has no
// share; nor has whom except names.
type sharing struct {
	net.Listener
	most   int
	except func(netip.Addr) bool
	now    func() time.Time
	log    *slog.Logger

	mu     sync.Mutex // guards what follows
	open   map[netip.Prefix]int
	closed int       // since it was told
	told   time.Time // when that was
}

func newSharing(l net.Listener, most int, except func(netip.Addr) bool, now func() time.Time, log *slog.Logger) *sharing {
	return &sharing{Listener: l, most: most, except: except, now: now, log: log, open: make(map[netip.Prefix]int)}
}

// Accept waits for a connection whose network has room.
func (s *sharing) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := policy.Network(peerAddr(conn))
		if !from.IsValid() || s.except(peerAddr(conn)) {
			return conn, nil
		}
		if s.enter(from) {
			return &sharedConn{Conn: conn, leave: sync.OnceFunc(func() { s.leave(from) })}, nil
		}
		conn.Close()
	}
}

// enter counts a connection, or tells that its network has no room.
func (s *sharing) enter(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[from] < s.most {
		s.open[from]++
		return true
	}
	s.closed++
	if now := s.now(); s.told.IsZero() || now.Sub(s.told) >= tellShareEvery {
		s.log.Warn("connections were closed, as their network has its share", "place", s.Addr(), "network", from, "share", s.most, "closed", s.closed)
		s.closed, s.told = 0, now
	}
	return false
}

func (s *sharing) leave(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[from]--; s.open[from] == 0 {
		delete(s.open, from)
	}
}

// peerAddr is the other end's address, the zero Addr if it has none.
func peerAddr(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// sharedConn gives its place back when it is closed.
type sharedConn struct {
	net.Conn
	leave func()
}

// Close closes it.
func (c *sharedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
