package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/netutil"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// Bounds of the portal's HTTP server.
const (
	maxWebConnections = 2048
	maxWebHeader      = 16 << 10
	webHeaderWithin   = 10 * time.Second
	webReadWithin     = 30 * time.Second
	webWriteWithin    = time.Minute // an answer may wait for a text message to be sent
	webIdle           = 15 * time.Second
	maxWebStreams     = 16 // of one HTTP/2 connection: each may hold a form
)

// acmeFolder is where certificates from ACME are kept, in data_dir.
const acmeFolder = "acme"

// web is the portal's listener and HTTP server.
type web struct {
	server   *http.Server
	listener net.Listener
	shared   net.Listener                    // the same, with a share for each network
	loaded   atomic.Pointer[tls.Certificate] // of the certificate files; nil without
	pages    *answering
}

// openWeb opens the portal's listener, nil if the configuration wants none. A
// listener that systemd holds is taken as it is.
func (d *Daemon) openWeb(held net.Listener) (*web, error) {
	cfg, log := d.config(), d.log
	if cfg.Portal.Listen == "" {
		if held != nil {
			return nil, errors.New("daemon: systemd passes a socket for the portal, but [portal] listen is empty")
		}
		return nil, nil
	}
	w := &web{listener: held, pages: &answering{Handler: d.portal}}
	settings, err := w.tls(cfg)
	if err != nil {
		return nil, err
	}
	if w.listener == nil {
		if w.listener, err = net.Listen("tcp", cfg.Portal.Listen); err != nil {
			return nil, fmt.Errorf("daemon: portal: %w", err)
		}
	}
	// Everybody's connections come from a trusted proxy.
	proxies := func(a netip.Addr) bool { return d.config().Portal.Trusts(a) } // a reload may change them
	w.shared = newSharing(w.listener, maxWebNetwork, proxies, d.now, log)
	w.server = &http.Server{
		Handler:           w.pages,
		TLSConfig:         settings,
		ReadHeaderTimeout: webHeaderWithin,
		ReadTimeout:       webReadWithin,
		WriteTimeout:      webWriteWithin,
		IdleTimeout:       webIdle,
		MaxHeaderBytes:    maxWebHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxWebStreams},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	log.Info("portal opened", "address", w.listener.Addr(), "tls", settings != nil, "url", cfg.Portal.URL)
	return w, nil
}

// tls is how connections are secured; nil: plain HTTP, on loopback or behind a
// reverse proxy.
func (w *web) tls(cfg *config.Config) (*tls.Config, error) {
	switch {
	case cfg.Portal.ACME:
		return acmeTLS(cfg)
	case cfg.Portal.Certificate == "":
		return nil, nil
	}
	if err := w.reload(cfg); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return w.loaded.Load(), nil
		},
	}, nil
}

// reload reads the certificate files again.
func (w *web) reload(cfg *config.Config) error {
	if cfg.Portal.Certificate == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Portal.Certificate, cfg.Portal.Key)
	if err != nil {
		return fmt.Errorf("daemon: portal certificate: %w", err)
	}
	w.loaded.Store(&pair)
	return nil
}

// acmeTLS gets certificates by ACME (RFC 8555) with the TLS-ALPN-01 challenge
// (RFC 8737), which needs nothing but this very listener.
func acmeTLS(cfg *config.Config) (*tls.Config, error) {
	at, err := url.Parse(cfg.Portal.URL)
	if err != nil {
		return nil, fmt.Errorf("daemon: portal url: %w", err)
	}
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(at.Hostname()),
		Cache:      autocert.DirCache(filepath.Join(cfg.DataDir, acmeFolder)),
		Email:      cfg.Portal.ACMEEmail,
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: manager.GetCertificate,
		NextProtos:     []string{"h2", "http/1.1", acme.ALPNProto},
	}, nil
}

// serve serves until shutdown.
func (w *web) serve() error {
	listener := netutil.LimitListener(w.shared, maxWebConnections)
	var err error
	if w.server.TLSConfig != nil {
		err = w.server.ServeTLS(listener, "", "")
	} else {
		err = w.server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
