package daemon

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/harness"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

// freeAddress is an address of this machine at which nobody else listens until the
// test ends.
func freeAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	port, release, err := harness.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { release() })
	return netip.MustParseAddrPort("127.0.0.1:" + port)
}

// dialAt is dial for a client or login listener of any place.
func dialAt(t *testing.T, l config.Listener) *peer {
	t.Helper()
	network := "unix"
	if l.Address.IsValid() {
		network = "tcp"
	}
	conn, err := net.Dial(network, l.Place())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := newPeer(t, conn)
	p.send("VERSION\t1\t2", "CPID\t4711")
	for {
		p.hand = append(p.hand, p.line())
		if p.hand[len(p.hand)-1] == "DONE" {
			return p
		}
	}
}

// Where people are is what the mail server says, if it is believed; else they are
// all in one place that has no address.
func TestTrustRIP(t *testing.T) {
	var listeners []config.Listener
	d := start(t, func(c *config.Config) {
		listeners = []config.Listener{
			{Path: c.RunDir + "/believed", Kind: config.KindClient, Mode: 0o660},
			{Path: c.RunDir + "/login", Kind: config.KindLogin, Mode: 0o660},
			{Path: c.RunDir + "/doubted", Kind: config.KindClient, Mode: 0o660, DistrustRIP: true},
			{Address: freeAddress(t), Kind: config.KindClient, DistrustRIP: true},
			{Address: freeAddress(t), Kind: config.KindLogin, DistrustRIP: true},
			{Address: freeAddress(t), Kind: config.KindClient},
		}
		c.Listeners = listeners
	})
	for i, l := range listeners {
		address := "u" + string(rune('0'+i)) + "@example.org"
		_, letters := d.withAppPassword(t, address)
		for _, rip := range []string{"192.0.2.1", "198.51.100.1"} {
			answer := dialAt(t, l).login("PLAIN", "service=smtp\tlip=192.0.2.9\trip="+rip, address, letters)
			if !strings.HasPrefix(answer, "OK\t") {
				t.Fatalf("%s: %q", l.Place(), answer)
			}
		}
		if err := d.audit.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		events, err := d.store.Events(t.Context(), store.EventQuery{Address: address})
		if err != nil {
			t.Fatal(err)
		}
		if l.DistrustRIP {
			if len(events) != 1 || events[0].Count != 2 || events[0].Addr.IsValid() || events[0].Network.IsValid() {
				t.Errorf("%s: want one place without an address, got %+v", l.Place(), events)
			}
			continue
		}
		if len(events) != 2 || events[0].Count != 1 || !events[0].Addr.IsValid() || events[0].Addr == events[1].Addr {
			t.Errorf("%s: want two addresses, got %+v", l.Place(), events)
		}
	}
}

// A "login" listener speaks first as Dovecot 2.4 does: VERSION, and the rest after
// the client's.
func TestLoginListener(t *testing.T) {
	d := start(t, func(c *config.Config) {
		c.Listeners = []config.Listener{{Path: c.RunDir + "/login", Kind: config.KindLogin, Mode: 0o660}}
	})
	p := dialPath(t, d.cfg.RunDir+"/login")
	p.expect("VERSION\t1\t4")
	if n := p.in.Buffered(); n != 0 {
		t.Errorf("%d more bytes before the client's VERSION", n)
	}
	p.send("VERSION\t1\t4", "CPID\t4711")
	if line := p.line(); !strings.HasPrefix(line, "MECH\t") {
		t.Errorf("got %q", line)
	}
}

// Nothing listens on TCP unless it is asked for, and what does, on one family.
func TestTCPFamily(t *testing.T) {
	for _, w := range wantedSockets(config.Default()) {
		if w.Address.IsValid() {
			t.Errorf("%s by default", w.Place())
		}
	}
	free := freeAddress(t)
	all, err := listenTCP(netip.AddrPortFrom(netip.IPv4Unspecified(), free.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	if conn, err := net.Dial("tcp", netip.AddrPortFrom(netip.IPv6Loopback(), free.Port()).String()); err == nil {
		conn.Close()
		t.Error("0.0.0.0 listens on ::1, too")
	}
}

// What systemd passes is taken with the options of its [[listener]], if it has
// one, and over TCP nobody is believed unless that says so.
func TestAdopt(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listen := func(network, place string) net.Listener {
		t.Helper()
		l, err := net.Listen(network, place)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	unix, known := listen("unix", filepath.Join(dir, "a")), listen("unix", filepath.Join(dir, "b"))
	tcp, knownTCP := listen("tcp4", "127.0.0.1:0"), listen("tcp4", "127.0.0.1:0")
	wanted := []config.Listener{
		{Path: filepath.Join(dir, "b"), Kind: config.KindLogin, DistrustRIP: true},
		{Address: knownTCP.Addr().(*net.TCPAddr).AddrPort(), Kind: config.KindClient, IgnoreNoPenalty: true},
	}
	believed := dovecot.ListenerOptions{}
	doubted := dovecot.ListenerOptions{DistrustRIP: true, IgnoreNoPenalty: true}
	for _, c := range []struct {
		kind   config.Kind
		l      net.Listener
		want   dovecot.ListenerOptions
		refuse string
	}{
		{kind: config.KindClient, l: unix, want: believed},
		{kind: config.KindSaslauthd, l: unix, want: believed},
		{kind: config.KindLogin, l: known, want: dovecot.ListenerOptions{DistrustRIP: true}},
		{kind: config.KindClient, l: known, refuse: `is configured as "login"`},
		{kind: config.KindClient, l: tcp, want: doubted},
		{kind: config.KindLogin, l: tcp, want: doubted},
		{kind: config.KindClient, l: knownTCP, want: dovecot.ListenerOptions{IgnoreNoPenalty: true}},
		{kind: config.KindMaster, l: tcp, refuse: "answers about anybody"},
		{kind: config.KindUserdb, l: tcp, refuse: "answers about anybody"},
		{kind: config.KindSaslauthd, l: tcp, refuse: "unix socket"},
		{kind: kindAdmin, l: tcp, refuse: "unix socket"},
	} {
		d, err := adopt(c.kind, c.l, wanted)
		switch {
		case c.refuse != "":
			if err == nil || !strings.Contains(err.Error(), c.refuse) {
				t.Errorf("%s on %s: %v, want %q", c.kind, c.l.Addr(), err, c.refuse)
			}
		case err != nil || d.kind != c.kind || d.options(dovecot.KindClient) != c.want:
			t.Errorf("%s on %s: %+v, %v; want %+v", c.kind, c.l.Addr(), d, err, c.want)
		}
	}
}

// Another process at the place of a TCP socket is an error of the start, not of
// the first login.
func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := config.Listener{Address: l.Addr().(*net.TCPAddr).AddrPort(), Kind: config.KindClient}
	if _, err := open(taken); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
}

// TestGiveSocket: what somebody has put in a new socket's place keeps its mode.
func TestGiveSocket(t *testing.T) {
	dir := t.TempDir()
	file, link, socket := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "socket")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link} {
		if err := giveSocket(path, -1, -1, 0o666); err == nil {
			t.Errorf("%s: no error", filepath.Base(path))
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: the file is %v, %v", filepath.Base(path), info.Mode(), err)
		}
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := giveSocket(socket, os.Getuid(), -1, 0o640); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
}
