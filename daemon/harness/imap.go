package harness

import (
	"crypto/tls"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// An imapSession is one IMAP connection: its login is ours, everything behind it
// imapmemserver's.
type imapSession struct {
	*imapmemserver.UserSession // nil until logged in

	server *Server
	conn   *imapserver.Conn
	id     string
	login  current
}

var (
	_ imapserver.SessionSASL      = (*imapSession)(nil)
	_ imapserver.SessionIMAP4rev2 = (*imapSession)(nil)
)

func newIMAPSession(s *Server, c *imapserver.Conn) *imapSession {
	return &imapSession{server: s, conn: c, id: newSession()}
}

// Login implements imapserver.Session: the LOGIN command, which mail servers
// turn into SASL PLAIN.
func (s *imapSession) Login(username, password string) error {
	r, err := s.Authenticate("PLAIN")
	if err != nil {
		return err
	}
	_, done, err := r.Next([]byte("\x00" + username + "\x00" + password))
	if err == nil && !done {
		s.login.abandon() // PLAIN has one message
		err = verdict{}.imapError()
	}
	return err
}

// AuthenticateMechanisms implements imapserver.SessionSASL.
func (s *imapSession) AuthenticateMechanisms() []string { return mechanisms() }

// Authenticate implements imapserver.SessionSASL.
func (s *imapSession) Authenticate(mech string) (sasl.Server, error) {
	if !slices.Contains(mechanisms(), mech) {
		return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "Unsupported authentication mechanism."}
	}
	_, secured := s.conn.NetConn().(*tls.Conn)
	d := newDoor(s.server.auth, "imap", s.id, s.conn.NetConn(), secured)
	d.open = func(user string) error {
		folders, err := s.server.mail.of(user)
		if err != nil {
			return err
		}
		s.UserSession = imapmemserver.NewUserSession(folders)
		return nil
	}
	d.refuse = func(v verdict) error {
		s.server.logRefusal("imap", s.id, v)
		return v.imapError()
	}
	return s.login.start(newRelay(d, mech)), nil
}

// Close implements imapserver.Session.
func (s *imapSession) Close() error {
	s.login.abandon()
	return s.UserSession.Close()
}
