package nginxauth

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of the HTTP server. A connection carries one request, and keeps its place
// until a refusal has its age.
const (
	maxConns     = 4096     // of one listener; more wait to be accepted
	maxHeader    = 32 << 10 // nginx reads at most 4 KiB of login, and may add a certificate
	headerWithin = 10 * time.Second
	allWithin    = 30 * time.Second // from the first byte: a refusal waits for its age
)

// Server serves a Handler on any number of listeners.
type Server struct{ http *http.Server }

// NewServer returns a Server whose requests are answered by h, or by what the
// process has put around it. Handlers may outlive Close.
func NewServer(h *Handler, around http.Handler, log *slog.Logger) *Server {
	s := &Server{}
	var only http.Protocols
	only.SetHTTP1(true)
	s.http = &http.Server{
		Handler:                      around,
		Protocols:                    &only,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerWithin,
		ReadTimeout:                  allWithin,
		WriteTimeout:                 allWithin,
		MaxHeaderBytes:               maxHeader,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.http.SetKeepAlivesEnabled(false)
	s.http.RegisterOnShutdown(sync.OnceFunc(func() { close(h.stopping) }))
	return s
}

// Serve accepts connections on l until Shutdown or Close, which is no error. It
// closes l in any case.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(netutil.LimitListener(l, maxConns)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown takes no more requests, and answers those under way.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// Close ends all connections.
func (s *Server) Close() error { return s.http.Close() }
