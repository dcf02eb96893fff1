package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// connection is one connection to the server and its share of the load. Only the
// goroutine in run uses it until that has returned.
type connection struct {
	client   *dovecot.Client
	nc       net.Conn
	inFlight int
	duration time.Duration
	left     int64 // logins still to start
	accounts []Account
	next     int // the account whose turn it is
	auth     dovecot.AuthRequest
	login    bool     // LOGIN: the secrets go out as answers to prompts
	provers  []prover // of SCRAM, one for each account; else nil
	open     map[uint32]login
	tally
}

// login is one that has not been answered.
type login struct {
	started time.Time
	account int
	prompts int // answered so far
}

func newConnection(o *Options, i int, nc net.Conn, client *dovecot.Client) *connection {
	c := &connection{
		client: client, nc: nc,
		inFlight: o.InFlight,
		duration: o.Duration,
		left:     o.share(i),
		accounts: o.Accounts,
		next:     o.firstAccount(i),
		login:    o.Mechanism == "LOGIN",
		open:     make(map[uint32]login, o.InFlight),
	}
	c.auth = dovecot.AuthRequest{
		Mechanism: o.Mechanism, Service: o.Service,
		Secured: true, TLS: true,
		NoPenalty:   true, // Dovecot would slow its answers down, which is not its speed
		Session:     fmt.Sprintf("bench%011x", i),
		FinalRespOK: o.Mechanism == mechanismSCRAM, // as Dovecot's logins of 2.4 say
		LocalIP:     netip.AddrFrom4([4]byte{192, 0, 2, 1}), LocalPort: 993,
		RemotePort: uint16(40000 + i),
	}
	return c
}

// device is the address that an account logs in from, always the same one.
func device(account int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(account >> 16), byte(account >> 8), byte(account)})
}

// run drives the connection until its share is done or its time is over.
func (c *connection) run(start time.Time) error {
	stop := start.Add(c.duration)
	if err := c.nc.SetDeadline(stop.Add(drainFor)); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	var reply dovecot.Reply
	for now := start; ; {
		if err := c.fill(now, now.Before(stop)); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		if len(c.open) == 0 {
			return nil
		}
		if err := c.client.Flush(); err != nil {
			return c.broken(err)
		}
		// All answers that one read brings have come at the same time.
		for first := true; first || c.client.Buffered(); first = false {
			err := c.client.ReadReply(&reply)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.unanswered = len(c.open)
				return nil
			}
			if err != nil {
				return c.broken(err)
			}
			if first {
				now = time.Now()
			}
			if err := c.take(&reply, now); err != nil {
				return err
			}
		}
	}
}

// fill starts as many logins as may be open.
func (c *connection) fill(now time.Time, more bool) error {
	for more && len(c.open) < c.inFlight && c.left > 0 {
		l := login{started: now, account: c.next}
		if c.next++; c.next == len(c.accounts) {
			c.next = 0
		}
		switch {
		case c.provers != nil:
			c.auth.Initial = c.provers[l.account].first()
		case !c.login:
			c.auth.Initial = c.accounts[l.account].plain
		}
		c.auth.RemoteIP = device(l.account)
		id, err := c.client.Start(&c.auth)
		if err != nil {
			return err
		}
		c.open[id] = l
		c.left--
	}
	return nil
}

// take counts an answer, or answers a prompt.
func (c *connection) take(r *dovecot.Reply, now time.Time) error {
	l, known := c.open[r.ID]
	if !known {
		return fmt.Errorf("bench: the server answered request %d, which is not open", r.ID)
	}
	if r.Kind == dovecot.Challenged {
		return c.challenged(r, l)
	}
	delete(c.open, r.ID)
	answer := rejected
	switch {
	case r.OK:
		answer = accepted
	case r.Code == dovecot.TempFail:
		answer = undecided
	}
	c.count(answer, l.started, now)
	return nil
}

// challenged answers SCRAM's challenge or LOGIN's prompts.
func (c *connection) challenged(r *dovecot.Reply, l login) error {
	if c.provers == nil || l.prompts > 0 {
		return c.prompted(r.ID, l)
	}
	response, err := c.provers[l.account].final(r.Challenge)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	l.prompts++
	c.open[r.ID] = l
	return c.client.Continue(r.ID, response)
}

// prompted answers LOGIN's two prompts, whatever their words are.
func (c *connection) prompted(id uint32, l login) error {
	if !c.login || l.prompts == 2 {
		return fmt.Errorf("bench: unexpected challenge from the server")
	}
	account := &c.accounts[l.account]
	response := account.secret
	if l.prompts == 0 {
		response = account.user
	}
	l.prompts++
	c.open[id] = l
	return c.client.Continue(id, response)
}

// broken says what became of a connection that did not last.
func (c *connection) broken(err error) error {
	c.unanswered = len(c.open)
	n := c.accepted + c.rejected + c.undecided
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("bench: the server closed a connection after %d answers, with %d logins open", n, len(c.open))
	}
	return fmt.Errorf("bench: after %d answers: %w", n, err)
}
