package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// Server answers on unix sockets.
type Server struct{ http http.Server }

// NewServer makes a server for the handler.
func NewServer(h http.Handler, log *slog.Logger) *Server {
	return &Server{http.Server{
		Handler:           recovered(h, log),
		ConnContext:       connContext,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      60 * time.Second, // a new password may wait for its hash
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    8 << 10,
	}}
}

// recovered logs where a request panicked, and ends its connection. What was
// panicked with, which net/http would log, may hold a secret.
func recovered(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			what := recover()
			if what == nil {
				return
			}
			if what != http.ErrAbortHandler {
				log.Error("admin: panic", "type", fmt.Sprintf("%T", what), "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}

// Serve answers on one listener until Shutdown or Close, which is no error.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown stops accepting and waits for questions under way.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// Close ends every connection at once.
func (s *Server) Close() error { return s.http.Close() }
