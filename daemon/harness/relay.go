package harness

import (
	"crypto/rand"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/emersion/go-sasl"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// mechanisms are those that the harness offers to mail programs. It understands
// none of them: the daemon's challenges and the program's answers pass through.
func mechanisms() []string { return []string{"PLAIN", "LOGIN"} }

// A door is the protocol's side of logging in: who is knocking, and in which
// words an answer is given.
type door struct {
	auth    *authClient
	request dovecot.AuthRequest // without mechanism and initial response
	open    func(user string) error
	refuse  func(verdict) error
}

// newDoor describes the two ends of a mail program's connection, as Dovecot's
// logins do.
func newDoor(auth *authClient, service, session string, conn net.Conn, secured bool) door {
	local, remote := addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	return door{auth: auth, request: dovecot.AuthRequest{
		Service:    service,
		Session:    session,
		Secured:    secured,
		TLS:        secured,
		LocalIP:    local.Addr().Unmap(),
		LocalPort:  local.Port(),
		RemoteIP:   remote.Addr().Unmap(),
		RemotePort: remote.Port(),
	}}
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// newSession returns an identifier for one connection of a mail program.
func newSession() string { return rand.Text()[:16] }

// A relay is the server side of one SASL exchange, played by the daemon.
type relay struct {
	door
	mechanism string
	x         *exchange
	begun     bool
}

func newRelay(d door, mechanism string) *relay {
	return &relay{door: d, mechanism: mechanism, x: &exchange{auth: d.auth}}
}

var _ sasl.Server = (*relay)(nil)

// Next implements sasl.Server: the challenge, whether it is over, and why it
// failed. The challenge is nil rather than empty: go-imap sends an empty one as
// "+ =", which strict clients do not take.
func (r *relay) Next(response []byte) ([]byte, bool, error) {
	var reply dovecot.Reply
	var err error
	if !r.begun {
		r.begun = true
		request := r.request
		request.Mechanism, request.Initial = r.mechanism, response
		reply, err = r.x.begin(&request)
	} else {
		reply, err = r.x.answer(response)
	}
	if err == nil && reply.Kind == dovecot.Challenged {
		if len(reply.Challenge) == 0 {
			return nil, false, nil
		}
		return append([]byte(nil), reply.Challenge...), false, nil
	}
	if err == nil && reply.Kind == dovecot.Accepted {
		if err = r.open(reply.User); err == nil {
			return nil, true, nil
		}
	}
	return nil, true, r.refuse(verdictOf(reply, err))
}

// A current is the last exchange of a mail program's connection.
type current struct{ atomic.Pointer[relay] }

// start begins another one in place of what was left unfinished.
func (c *current) start(r *relay) *relay {
	if old := c.Swap(r); old != nil {
		old.x.abandon()
	}
	return r
}

// abandon ends it if it waits for the mail program.
func (c *current) abandon() {
	if r := c.Load(); r != nil {
		r.x.abandon()
	}
}
