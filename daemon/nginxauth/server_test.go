package nginxauth

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// A request that panics ends without an answer, and the log says where.
func TestPanic(t *testing.T) {
	var said bytes.Buffer // read when nobody writes any more
	log := slog.New(slog.NewTextHandler(&said, nil))
	h := New(t.Context(), nil, nil, Rules{}, log) // without a policy
	s := NewServer(h, h, log)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, seen); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 {
		t.Errorf("%q, %v", answer, err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if text := said.String(); !strings.Contains(text, "nginxauth: panic") || !strings.Contains(text, "nginxauth.go:") || strings.Contains(text, "50%") {
		t.Errorf("the log says %s", text)
	}
}
