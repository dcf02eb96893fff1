package nginxauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
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
type Server struct {
	http    *http.Server
	handler *Handler

	mu      sync.Mutex // guards what follows
	over    bool
	serving sync.WaitGroup // requests under way; added to under mu only, and not once over is set
}

// NewServer returns a Server of h.
func NewServer(h *Handler, log *slog.Logger) *Server {
	s := &Server{handler: h}
	var only http.Protocols
	only.SetHTTP1(true)
	s.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.enter() {
				panic(http.ErrAbortHandler) // its connection was closed while it was read
			}
			defer s.serving.Done()
			defer s.recovered()
			h.ServeHTTP(w, r)
		}),
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

// recovered logs where a request panicked, and ends its connection: nginx says
// "internal server error", which is no word on the password. What was panicked
// with may hold a secret.
func (s *Server) recovered() {
	if what := recover(); what != nil {
		s.handler.log.Error("nginxauth: panic", "type", fmt.Sprintf("%T", what), "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler)
	}
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

// Close ends all connections. Decisions under way may outlive it: see Wait.
func (s *Server) Close() error { return s.http.Close() }

// enter begins a request; false: nobody will wait for its end any more.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.serving.Add(1)
	return true
}

// Wait takes no more requests, and blocks until none is under way. Call it after
// Close, which leaves requests behind, those too that were just read.
func (s *Server) Wait() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.serving.Wait()
}
