package harness

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

// Options says where a server listens and whom it asks.
type Options struct {
	AuthSocket   string           // path of a client socket of the auth protocol; needed
	UserdbSocket string           // path of a userdb socket; "": only who has logged in is local
	Host         string           // address to listen on; "": 127.0.0.1
	Timeout      time.Duration    // for each answer of the sockets; 0: 4 s
	Cleartext    bool             // secrets are taken without TLS, too: from a proxy on this machine
	Now          func() time.Time // nil: time.Now
	Log          *slog.Logger     // nil: slog.Default
}

// Addrs are the listening addresses, each on a free port.
type Addrs struct {
	IMAP, IMAPS             *net.TCPAddr // STARTTLS, implicit TLS
	Submission, Submissions *net.TCPAddr // STARTTLS, implicit TLS
}

// Server is a running harness.
type Server struct {
	opts    Options
	addrs   Addrs
	certPEM []byte
	tls     *tls.Config
	auth    *authClient
	mail    *mailboxes

	imap      *imapserver.Server
	smtp      *smtp.Server
	listeners []net.Listener
	wg        sync.WaitGroup
	closing   sync.Once
	closeErr  error
}

// Bounds of the SMTP side.
const (
	maxMessage    = 10 << 20
	maxRecipients = 100
	// maxLine leaves room for long initial responses: RFC 4954 section 4 asks for
	// 12288 bytes of base64, go-smtp takes 2000 unless told otherwise.
	maxLine     = 16384
	idleTimeout = 5 * time.Minute
	sendTimeout = 30 * time.Second
)

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Timeout == 0 {
		o.Timeout = 4 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	cert, certPEM, err := newCertificate(o.Host, o.Now())
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts:    o,
		certPEM: certPEM,
		tls:     &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		auth:    newAuthClient(o.AuthSocket, o.Timeout),
		mail:    newMailboxes(),
	}
	s.imap = s.newIMAP()
	s.smtp = s.newSMTP()
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) newIMAP() *imapserver.Server {
	return imapserver.New(&imapserver.Options{
		NewSession: func(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return newIMAPSession(s, c), nil, nil
		},
		Caps:      imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		Logger:    slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
		TLSConfig: s.tls,

		InsecureAuth: s.opts.Cleartext,
	})
}

func (s *Server) newSMTP() *smtp.Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return newSMTPSession(s, c), nil
	}))
	srv.Domain = "localhost"
	srv.TLSConfig, srv.AllowInsecureAuth = s.tls, s.opts.Cleartext
	srv.MaxLineLength = maxLine
	srv.MaxMessageBytes = maxMessage
	srv.MaxRecipients = maxRecipients
	srv.ReadTimeout, srv.WriteTimeout = idleTimeout, sendTimeout
	srv.ErrorLog = slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug)
	return srv
}

func (s *Server) listen() error {
	for _, l := range []struct {
		addr     **net.TCPAddr
		implicit bool
		serve    func(net.Listener) error
	}{
		{&s.addrs.IMAP, false, s.imap.Serve},
		{&s.addrs.IMAPS, true, s.imap.Serve},
		{&s.addrs.Submission, false, s.smtp.Serve},
		{&s.addrs.Submissions, true, s.smtp.Serve},
	} {
		ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(s.opts.Host)})
		if err != nil {
			return fmt.Errorf("harness: %w", err)
		}
		addr, ok := ln.Addr().(*net.TCPAddr)
		if !ok {
			return errors.Join(fmt.Errorf("harness: listening on %v, which is not TCP", ln.Addr()), ln.Close())
		}
		*l.addr = addr
		var serving net.Listener = ln
		if l.implicit {
			serving = tls.NewListener(ln, s.tls)
		}
		s.listeners = append(s.listeners, serving)
		s.wg.Go(func() {
			if err := l.serve(serving); err != nil && !errors.Is(err, net.ErrClosed) {
				s.opts.Log.Debug("harness listener ended", "error", err)
			}
		})
	}
	return nil
}

// Addrs are where the server listens.
func (s *Server) Addrs() Addrs { return s.addrs }

// CertPEM is the server's certificate, which is its own authority, in PEM.
func (s *Server) CertPEM() []byte { return s.certPEM }

// Close ends all connections at once and forgets all mail. Further calls return
// what the first one did.
func (s *Server) Close() error {
	s.closing.Do(func() {
		for _, l := range s.listeners { // those that Serve has not got to yet, too
			_ = l.Close()
		}
		s.closeErr = errors.Join(ignoreClosed(s.imap.Close()), ignoreClosed(s.smtp.Close()))
		s.wg.Wait()
		s.auth.close()
	})
	return s.closeErr
}

// ignoreClosed leaves out that a listener was closed before.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
