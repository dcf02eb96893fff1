package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// maxInbox bounds what lies in one INBOX, in bytes.
const maxInbox = 64 << 20

var (
	errNoSuchUser  = errors.New("harness: no such user")
	errMailboxFull = errors.New("harness: mailbox is full")
)

// mailboxes are the users' mail folders by prepared name, made when they are
// first needed.
type mailboxes struct {
	mu    sync.Mutex // guards users
	users map[string]*imapmemserver.User
}

func newMailboxes() *mailboxes { return &mailboxes{users: make(map[string]*imapmemserver.User)} }

// of returns a user's folders.
func (m *mailboxes) of(name string) (*imapmemserver.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u := m.users[name]; u != nil {
		return u, nil
	}
	u := imapmemserver.NewUser(name, "") // its own log-in is never asked
	if err := u.Create("INBOX", nil); err != nil {
		return nil, fmt.Errorf("harness: INBOX of %s: %w", name, err)
	}
	m.users[name] = u
	return u, nil
}

// known tells whether a user's folders exist.
func (m *mailboxes) known(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.users[name] != nil
}

// deliver puts a message into a user's INBOX.
func (m *mailboxes) deliver(name string, message []byte, now time.Time) error {
	u, err := m.of(name)
	if err != nil {
		return err
	}
	status, err := u.Status("INBOX", &imap.StatusOptions{Size: true})
	if err != nil {
		return fmt.Errorf("harness: INBOX of %s: %w", name, err)
	}
	if *status.Size+int64(len(message)) > maxInbox {
		return errMailboxFull
	}
	_, err = u.Append("INBOX", bytes.NewReader(message), &imap.AppendOptions{Time: now})
	return err
}

// localUser returns the prepared name behind a recipient's address, or
// errNoSuchUser. Any other error says that nobody could tell.
func (s *Server) localUser(ctx context.Context, address string) (string, error) {
	if s.opts.UserdbSocket == "" {
		if name := strings.ToLower(address); s.mail.known(name) {
			return name, nil
		}
		return "", errNoSuchUser
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "unix", s.opts.UserdbSocket)
	if err != nil {
		return "", fmt.Errorf("harness: %w", err)
	}
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return "", errors.Join(fmt.Errorf("harness: %w", err), c.Close())
	}
	userdb, err := dovecot.NewMasterClient(c)
	if err != nil {
		return "", fmt.Errorf("harness: handshake with %s: %w", s.opts.UserdbSocket, err)
	}
	defer userdb.Close()
	reply, err := userdb.User(ctx, address, "lmtp")
	switch {
	case err != nil:
		return "", fmt.Errorf("harness: asking %s: %w", s.opts.UserdbSocket, err)
	case reply.Outcome == dovecot.Found:
		return reply.User, nil
	case reply.Outcome == dovecot.NotFound:
		return "", errNoSuchUser
	}
	return "", fmt.Errorf("harness: %s could not tell: %q", s.opts.UserdbSocket, reply.Reason)
}
