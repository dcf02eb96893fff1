package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// An smtpSession is one SMTP submission connection. All errors that its methods
// return are *smtp.SMTPError: go-smtp shows the text of any other to the client.
type smtpSession struct {
	server *Server
	conn   *smtp.Conn
	id     string
	login  current
	user   string // "" until logged in
	to     []string
}

var _ smtp.AuthSession = (*smtpSession)(nil)

func newSMTPSession(s *Server, c *smtp.Conn) *smtpSession {
	return &smtpSession{server: s, conn: c, id: newSession()}
}

// AuthMechanisms implements smtp.AuthSession.
func (s *smtpSession) AuthMechanisms() []string { return mechanisms() }

// Auth implements smtp.AuthSession.
func (s *smtpSession) Auth(mech string) (sasl.Server, error) {
	if !slices.Contains(mechanisms(), mech) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	_, secured := s.conn.TLSConnectionState()
	d := newDoor(s.server.auth, "smtp", s.id, s.conn.Conn(), secured)
	d.open = func(user string) error { s.user = user; return nil }
	d.refuse = func(v verdict) error {
		s.server.logRefusal("smtp", s.id, v)
		return v.smtpError()
	}
	return s.login.start(newRelay(d, mech)), nil
}

// Mail implements smtp.Session.
func (s *smtpSession) Mail(string, *smtp.MailOptions) error {
	if s.user == "" { // RFC 4954 section 6
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	return nil
}

// Rcpt implements smtp.Session.
func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	user, err := s.server.localUser(context.Background(), to)
	switch {
	case errors.Is(err, errNoSuchUser):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here, and this server sends no mail out"}
	case err != nil:
		s.server.opts.Log.Warn("recipient not looked up", "session", s.id, "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Temporary lookup failure"}
	}
	if !slices.Contains(s.to, user) {
		s.to = append(s.to, user)
	}
	return nil
}

// Data implements smtp.Session.
func (s *smtpSession) Data(r io.Reader) error {
	now := s.server.opts.Now()
	var message bytes.Buffer
	fmt.Fprintf(&message, "Received: from %s by localhost with ESMTPSA id %s; %s\r\n",
		s.conn.Hostname(), s.id, now.Format(time.RFC1123Z))
	if _, err := message.ReadFrom(r); err != nil {
		var smtpErr *smtp.SMTPError
		if errors.As(err, &smtpErr) { // too large
			return smtpErr
		}
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Message did not arrive whole"}
	}
	for _, user := range s.to {
		err := s.server.mail.deliver(user, message.Bytes(), now)
		if errors.Is(err, errMailboxFull) {
			return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "Mailbox is full"}
		}
		if err != nil {
			s.server.opts.Log.Warn("mail not delivered", "session", s.id, "error", err)
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Mail not delivered"}
		}
	}
	return nil
}

// Reset implements smtp.Session.
func (s *smtpSession) Reset() { s.to = nil }

// Logout implements smtp.Session.
func (s *smtpSession) Logout() error {
	s.login.abandon()
	return nil
}
