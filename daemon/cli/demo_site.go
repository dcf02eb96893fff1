package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/harness"
)

// A demoSite is a whole installation in a folder of its own: configuration,
// daemon and mail server.
type demoSite struct {
	dir        string
	configFile string
	certFile   string
	logFile    string

	cfg   *config.Config
	admin *admin.Client
	mail  *harness.Server
	phone *demoPhone

	log     *os.File
	daemon  *daemon.Daemon
	stop    context.CancelFunc
	stopped chan struct{} // closed when the daemon has stopped; failure says why
	failure error
}

// demoConfig is the demo's configuration. %[1]q is its folder.
const demoConfig = `# The configuration of a demo, gone when the demo ends.
data_dir = %[1]q
run_dir = %[2]q

[log]
level = "debug"

[auth]
default_domain = "example.org"
failure_delay = "1s" # half of the default, for the impatient

[portal]
url = %[3]q
listen = "127.0.0.1:%[4]s"
name = "latchkey demo"
language = "en"
help_text = "This is a demo: nobody will answer."
`

// demoServers is what tellServers adds to it.
const demoServers = `
[mail_servers.imap]
host = "localhost"
port = %d
encryption = "TLS"

[mail_servers.smtp]
host = "localhost"
port = %d
encryption = "TLS"
`

// openDemoSite makes and starts everything. What it has started is ended again
// if a later part fails.
func openDemoSite(o demoOptions) (*demoSite, error) {
	dir, err := os.MkdirTemp(demoParent(), "latchkey-demo-")
	if err != nil {
		return nil, fmt.Errorf("demo: making a folder: %w", err)
	}
	s := &demoSite{
		dir:        dir,
		configFile: filepath.Join(dir, "latchkey.toml"),
		certFile:   filepath.Join(dir, "certificate.pem"),
		logFile:    filepath.Join(dir, "latchkey.log"),
		stopped:    make(chan struct{}),
	}
	for _, start := range []func(demoOptions) error{s.startPhone, s.startDaemon, s.startMail} {
		if err := start(o); err != nil {
			return nil, errors.Join(fmt.Errorf("demo: %w", err), s.close())
		}
	}
	return s, nil
}

// demoParent is the folder for temporary files, unless a socket's path would
// grow too long in it (108 bytes, unix(7)).
func demoParent() string {
	if len(os.TempDir()) > 60 {
		return "/tmp"
	}
	return os.TempDir()
}

func (s *demoSite) startPhone(demoOptions) error {
	var err error
	s.phone, err = startDemoPhone()
	return err
}

func (s *demoSite) startDaemon(o demoOptions) error {
	port, release, err := harness.ReservePort()
	if err != nil {
		return err
	}
	defer release() // the daemon has it, or nobody needs it
	text := fmt.Sprintf(demoConfig, filepath.Join(s.dir, "data"), filepath.Join(s.dir, "run"), demoURL(port), port)
	if err := os.WriteFile(s.configFile, []byte(text), 0o600); err != nil {
		return err
	}
	if s.cfg, err = config.Load(s.configFile); err != nil {
		return err
	}
	if s.log, err = os.OpenFile(s.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: s.cfg.Log.Level}))
	if s.daemon, err = daemon.Open(s.cfg, daemon.Options{Log: log, Hasher: o.hasher, SMS: s.phone}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	ready := make(chan struct{})
	go func() {
		defer close(s.stopped)
		s.failure = s.daemon.Serve(ctx, func() { close(ready) })
	}()
	select {
	case <-ready:
	case <-s.stopped:
		return fmt.Errorf("the daemon does not start: %w", s.failure)
	}
	s.admin = admin.NewClient(admin.Dial(s.cfg.SocketPaths().Admin))
	return nil
}

func (s *demoSite) startMail(demoOptions) error {
	paths := s.cfg.SocketPaths()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	s.mail, err = harness.Start(harness.Options{AuthSocket: paths.Client, UserdbSocket: paths.Userdb, Log: log})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.certFile, s.mail.CertPEM(), 0o644); err != nil {
		return err
	}
	return s.tellServers()
}

// tellServers adds the mail servers, whose ports are known only now, to the
// configuration: the portal shows people what to type.
func (s *demoSite) tellServers() error {
	a := s.mail.Addrs()
	f, err := os.OpenFile(s.configFile, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, demoServers, a.IMAPS.Port, a.Submissions.Port)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if s.cfg, err = config.Load(s.configFile); err != nil {
		return err
	}
	s.daemon.Reload(s.cfg)
	return nil
}

// clientTLS trusts the mail server's certificate and no other.
func (s *demoSite) clientTLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.mail.CertPEM())
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// close ends what was started, in reverse, and removes the folder.
func (s *demoSite) close() error {
	var errs []error
	if s.mail != nil {
		errs = append(errs, s.mail.Close())
	}
	if s.admin != nil {
		s.admin.Close()
	}
	if s.stop != nil {
		s.stop()
		<-s.stopped
		errs = append(errs, s.failure)
	}
	if s.daemon != nil {
		errs = append(errs, s.daemon.Close())
	}
	if s.phone != nil {
		errs = append(errs, s.phone.close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if err := errors.Join(append(errs, os.RemoveAll(s.dir))...); err != nil {
		return fmt.Errorf("demo: at the end: %w", err)
	}
	return nil
}
