package portal

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// wire is a portal that is reached over TCP, behind a proxy that is trusted: the
// network of a client is what it says.
type wire struct {
	*world
	addr string
}

func newWire(t *testing.T, bodies *waiting, within time.Duration) *wire {
	w := newWorld(t)
	w.bodies, w.bodyWithin = bodies, within
	server := httptest.NewUnstartedServer(w.handler)
	addr := server.Listener.Addr().String()
	w.cfg.Portal.URL = "http://" + addr
	w.cfg.Portal.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	server.Start()
	t.Cleanup(server.Close)
	return &wire{w, addr}
}

// begin opens a connection and sends a sign-in as far as some of its body.
func (w *wire) begin(from, body string, length int) net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.addr)
	w.must(err)
	w.t.Cleanup(func() { conn.Close() })
	w.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", pathSignIn, w.addr, from, length, body)
	w.must(err)
	return conn
}

// ends is the status of the answer, once there is one; 0: the connection ended
// without.
func (w *wire) ends(conn net.Conn) int {
	w.t.Helper()
	a, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_, err = io.Copy(io.Discard, a.Body)
	w.must(err)
	return a.StatusCode
}

// reading waits until so many bodies are being read.
func (w *wire) reading(n int) {
	w.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; runtime.Gosched() {
		w.bodies.mu.Lock()
		all := w.bodies.all
		w.bodies.mu.Unlock()
		if all == n {
			return
		}
	}
	w.t.Fatalf("never %d bodies at once", n)
}

const wholeForm = "address=nobody&password=wrong"

// TestSlowBodies: whoever sends bodies slowly holds a share of the places, and
// others send theirs.
func TestSlowBodies(t *testing.T) {
	w := newWire(t, newWaiting(4, 3), time.Hour)
	var slow []net.Conn
	for range 3 {
		slow = append(slow, w.begin("192.0.2.1", "address=", len(wholeForm)))
	}
	w.reading(3)
	if got := w.ends(w.begin("192.0.2.1", "addr", len(wholeForm))); got != http.StatusServiceUnavailable {
		t.Errorf("a fourth of one network: %d", got)
	}
	if got := w.ends(w.begin("192.0.2.2", wholeForm, len(wholeForm))); got != http.StatusForbidden {
		t.Errorf("one of another network: %d", got)
	}
	w.begin("192.0.2.2", "address=", len(wholeForm))
	w.reading(4)
	if got := w.ends(w.begin("192.0.2.3", wholeForm, len(wholeForm))); got != http.StatusServiceUnavailable {
		t.Errorf("a fifth in all: %d", got)
	}
	_, err := io.WriteString(slow[0], strings.TrimPrefix(wholeForm, "address="))
	w.must(err)
	if got := w.ends(slow[0]); got != http.StatusForbidden {
		t.Errorf("a slow one that was sent whole: %d", got)
	}
	w.reading(3)
	if got := w.ends(w.begin("192.0.2.3", wholeForm, len(wholeForm))); got != http.StatusForbidden {
		t.Errorf("when a place is free: %d", got)
	}
}

// TestBodyTakesTooLong: a place is not held for longer than a body may take.
func TestBodyTakesTooLong(t *testing.T) {
	w := newWire(t, newWaiting(1, 1), 20*time.Millisecond)
	if got := w.ends(w.begin("192.0.2.1", "address=", len(wholeForm))); got != http.StatusRequestTimeout {
		t.Errorf("half a body: %d", got)
	}
	w.reading(0)
}
