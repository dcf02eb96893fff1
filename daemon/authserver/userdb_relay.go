package authserver

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

const (
	// relayWithin is how long a relayed look-up may take in all; a look-up of
	// Dovecot's own processes gives up after 155 s.
	relayWithin = 10 * time.Second
	// relayIdle is how long a relayed list may say nothing.
	relayIdle = time.Minute
	// maxRelayed bounds the connections to the relayed userdb for look-ups.
	maxRelayed = 64
	// maxRelayedText bounds what a question says beside the name: it must fit in
	// a line of 1,024 bytes.
	maxRelayedText = 255
)

// relay asks the userdb of a Dovecot. Each question has a connection of its own,
// which takes 0.2 ms more than one that is kept: after a restart of Dovecot none is
// left over that leads nowhere, and after a reload none keeps an old auth process,
// which lives as long as somebody is connected, and with it an old configuration.
type relay struct {
	lookUps chan struct{} // one in it for each connection
}

func newRelay() *relay {
	return &relay{lookUps: make(chan struct{}, maxRelayed)}
}

// lookUp asks for one user.
func (r *relay) lookUp(ctx context.Context, path string, q *dovecot.UserQuery) (dovecot.UserReply, error) {
	ctx, cancel := context.WithTimeout(ctx, relayWithin)
	defer cancel()
	select {
	case r.lookUps <- struct{}{}:
		defer func() { <-r.lookUps }()
	case <-ctx.Done():
		return dovecot.UserReply{}, ctx.Err()
	}
	c, err := dialRelay(ctx, path)
	if err != nil {
		return dovecot.UserReply{}, err
	}
	defer c.Close()
	reply, err := lookUpOn(ctx, c, q)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return reply, err
}

func lookUpOn(ctx context.Context, c net.Conn, q *dovecot.UserQuery) (dovecot.UserReply, error) {
	m, err := dovecot.NewMasterClient(c)
	if err != nil {
		return dovecot.UserReply{}, err
	}
	asked := *q
	for _, text := range []*string{&asked.Session, &asked.LocalName} {
		if len(*text) > maxRelayedText { // a mail program had a say in it
			*text = ""
		}
	}
	return m.LookUp(ctx, &asked)
}

// list asks for all users. How long it takes is the business of whoever reads it;
// only a userdb that says nothing is given up.
func (r *relay) list(ctx context.Context, path string, q *dovecot.ListQuery, yield func(string) bool) error {
	c, err := dialRelay(ctx, path)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := dovecot.NewMasterClient(impatient{c, relayIdle})
	if err != nil {
		return err
	}
	return m.List(context.WithoutCancel(ctx), q, yield) // dialRelay closes it
}

// dialRelay connects. When ctx ends the connection is closed.
func dialRelay(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	return &endingConn{c, context.AfterFunc(ctx, func() { _ = c.Close() })}, nil // whoever uses it sees that
}

// endingConn is a connection that ends with a context.
type endingConn struct {
	net.Conn
	stay func() bool
}

func (c *endingConn) Close() error {
	c.stay()
	return c.Conn.Close()
}

// impatient is a connection whose reads have a time each.
type impatient struct {
	net.Conn
	each time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.each)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// relayKnown is the answer about one of our accounts. The relayed userdb must know
// it: that it does not is a mistake to be mended, and until then mail is kept
// rather than bounced, and nobody's mailbox is opened.
func (s *Server) relayKnown(ctx context.Context, path string, q *dovecot.UserQuery, address string, own []store.UserdbField) dovecot.UserReply {
	asked := *q
	asked.User = address
	reply := s.relayed(ctx, path, &asked)
	switch reply.Outcome {
	case dovecot.Found:
		reply.Fields = override(reply.Fields, own, address)
	case dovecot.NotFound:
		s.log.Warn("the relayed userdb does not know an account", "account", address)
		reply = dovecot.UserReply{Outcome: dovecot.Failed}
	}
	return reply
}

// relayed is what the relayed userdb says, without credentials. That it cannot be
// asked is "could not tell".
func (s *Server) relayed(ctx context.Context, path string, q *dovecot.UserQuery) dovecot.UserReply {
	reply, err := s.relay.lookUp(ctx, path, q)
	if err != nil {
		s.log.Error("the relayed userdb does not answer", "socket", path, "error", err)
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
	reply.Fields = slices.DeleteFunc(reply.Fields, func(f dovecot.Field) bool {
		return dovecot.Credential(f.Key) || f.Key == credentialField
	})
	return reply
}
