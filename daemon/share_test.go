package daemon

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// webPeer is a connection to the portal from an address of this machine.
type webPeer struct {
	t *testing.T
	net.Conn
}

func dialWeb(t *testing.T, to net.Addr, from string) *webPeer {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &webPeer{t, conn}
}

// answered tells whether a request is answered; else the connection was closed.
func (p *webPeer) answered() bool {
	p.t.Helper()
	_, err := fmt.Fprint(p, "HEAD /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if err == nil {
		_, err = http.ReadResponse(bufio.NewReader(p), &http.Request{Method: http.MethodHead})
	}
	if timeout, is := err.(net.Error); is && timeout.Timeout() {
		p.t.Fatal("neither answered nor closed")
	}
	return err == nil
}

// TestShareOfConnections: a network that has its share of connections gets no
// more, others do, and a place that is given back is a place.
func TestShareOfConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Portal.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
	var log strings.Builder
	var minutes atomic.Int64
	clock := func() time.Time { return time.Unix(0, 0).Add(time.Duration(minutes.Load()) * time.Minute) }
	shared := newSharing(listener, 3, cfg.Portal.Trusts, clock, slog.New(slog.NewTextHandler(&log, nil)))
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(shared) }()
	lines := func() int { return strings.Count(log.String(), "connections were closed") }

	var open []*webPeer
	for i := range 3 {
		open = append(open, dialWeb(t, listener.Addr(), "127.0.0.1"))
		if !open[i].answered() {
			t.Fatalf("connection %d was closed", i)
		}
	}
	for range 5 {
		if dialWeb(t, listener.Addr(), "127.0.0.1").answered() {
			t.Error("a fourth of one network is answered")
		}
	}
	for range 6 {
		if !dialWeb(t, listener.Addr(), "127.0.0.9").answered() {
			t.Error("a trusted proxy has a share")
		}
	}
	if !dialWeb(t, listener.Addr(), "127.0.0.2").answered() {
		t.Error("one network shuts out another")
	}
	if !open[0].answered() {
		t.Error("those that are open are closed")
	}
	open[1].Close()
	for began := time.Now(); !dialWeb(t, listener.Addr(), "127.0.0.1").answered(); runtime.Gosched() {
		if time.Since(began) > time.Minute {
			t.Fatal("a place that was given back is not given again")
		}
	}
	minutes.Add(1)
	if dialWeb(t, listener.Addr(), "127.0.0.1").answered() {
		t.Error("a fourth of one network is answered")
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != http.ErrServerClosed {
		t.Error(err)
	}
	if lines() != 2 {
		t.Errorf("told %d times:\n%s", lines(), log.String())
	}
}

// TestPortalSharesConnections: the daemon's portal has such a share, and who its
// trusted proxies are is what the configuration in force says.
func TestPortalSharesConnections(t *testing.T) {
	d := start(t, func(c *config.Config) { c.Portal.Listen, c.Portal.URL = "127.0.0.1:0", "http://localhost" })
	for range maxWebNetwork {
		dialWeb(t, d.PortalAddr(), "127.0.0.1")
	}
	if dialWeb(t, d.PortalAddr(), "127.0.0.1").answered() {
		t.Error("there is no bound")
	}
	if !dialWeb(t, d.PortalAddr(), "127.0.0.2").answered() {
		t.Error("one network shuts out another")
	}
	next := *d.cfg
	next.Portal.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	d.Reload(&next)
	if !dialWeb(t, d.PortalAddr(), "127.0.0.1").answered() {
		t.Error("a trusted proxy has a share")
	}
}

// TestDoorSharesConnections: one network cannot take all connections of a TCP
// socket that mail servers ask at.
func TestDoorSharesConnections(t *testing.T) {
	at := freeAddress(t)
	d := start(t, func(c *config.Config) {
		c.Listeners = append(c.Listeners, config.Listener{Address: at, Kind: config.KindClient, DistrustRIP: true})
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	dial := func(from string) *peer {
		t.Helper()
		return newPeer(t, dialWeb(t, net.TCPAddrFromAddrPort(at), from))
	}
	shared := make([]*peer, maxDoorNetwork)
	for i := range shared {
		shared[i] = dial("127.0.0.1")
	}
	for _, p := range []*peer{shared[0], shared[maxDoorNetwork-1], dial("127.0.0.2")} {
		p.send("VERSION\t1\t2", "CPID\t4711")
		for p.line() != "DONE" {
		}
		if got := p.login("PLAIN", "service=smtp", "u@example.org", letters); !strings.HasPrefix(got, "OK\t") {
			t.Errorf("not served: %q", got)
		}
	}
	if got, err := io.ReadAll(dial("127.0.0.1").in); len(got) > 0 {
		t.Errorf("there is no bound: %q, %v", got, err)
	}
}
