package portal

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// Bounds of forms whose bodies are still being sent: each holds a place, and
// memory for maxForm. Whoever comes when there is no room is told to try again,
// and nothing more is read.
const (
	maxBodies        = 1024
	maxBodiesNetwork = 64               // of one place, so that one cannot shut out the others
	bodyWithin       = 10 * time.Second // all of it: a form is small, so whoever takes longer does so on purpose
)

// readBody reads a body of at most maxForm bytes. The deadline ends with the body:
// an answer may take longer.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, from netip.Prefix) ([]byte, *badForm) {
	// An answer without connection has no deadline, and a connection that is gone
	// says so when it is read: errors of setting one say nothing.
	control := http.NewResponseController(w)
	leave, room := s.bodies.enter(from)
	if !room {
		// Else the server would wait for the rest of the body before it answers.
		_ = control.SetReadDeadline(time.Now())
		return nil, &badForm{http.StatusServiceUnavailable, "error.try_again"}
	}
	defer leave()
	_ = control.SetReadDeadline(time.Now().Add(s.bodyWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &badForm{http.StatusRequestEntityTooLarge, "error.bad_form"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &badForm{http.StatusRequestTimeout, "error.try_again"}
	case err != nil:
		return nil, &badForm{http.StatusBadRequest, "error.bad_form"}
	}
	return body, nil
}
