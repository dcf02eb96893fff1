package dovecot

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "plain", "a\tb", "\x00\x01\t\r\n", "\x01", "0\x01t", "caf\xc3\xa9 \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := Escape(s)
		if strings.ContainsAny(escaped, "\x00\t\r\n") {
			t.Errorf("%q still holds what ends a field", escaped)
		}
		if got := Unescape(escaped); got != s {
			t.Errorf("round trip %q -> %q -> %q", s, escaped, got)
		}
		if got := Unescape(s); len(got) > len(s) {
			t.Errorf("unescaping %q made it longer: %q", s, got)
		}
		if got := text([]byte(s)); !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("text of %q is %q", s, got)
		}
		if got := appendReason(nil, s); len(got) > maxReason || bytes.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("reason of %q is %q", s, got)
		}
	})
}

var fuzzMechanisms = []Mechanism{{Name: "PLAIN"}, {Name: "LOGIN"}, {Name: "SCRAM-SHA-256"}}

func fuzzOffered() []Mechanism {
	return append([]Mechanism{{Name: "SCRAM-SHA-256-PLUS", ChannelBinding: true}}, fuzzMechanisms...)
}

// FuzzCont parses what follows the id of a CONT, writes what was understood as the
// client role would, and expects to understand the same again.
func FuzzCont(f *testing.F) {
	for _, s := range []string{
		"", "=", "YQ==", "YQ==\tchannel_binding=AGJvdW5k", "#\tchannel_binding=AGJvdW5k", "#", "YQ==\tx=y\tchannel_binding=\t",
		"YQ==\tchannel_binding=!", "YQ==\tchannel_binding==", "\tchannel_binding=YQ==\tchannel_binding=YQ==", "!\t", "YQ==\tchannel_binding",
	} {
		f.Add(s, uint32(2), uint8(1))
		f.Add(s, uint32(4), uint8(0))
		f.Add(s, uint32(4), uint8(1))
		f.Add(s, uint32(4), uint8(2))
	}
	f.Fuzz(func(t *testing.T, args string, minor uint32, last uint8) {
		wants := wanted(last % 3)
		data, binding, err := parseCont([]byte(args), minor, wants)
		if err != nil {
			if data != nil || binding != nil {
				t.Errorf("%q: %q, %q beside %v", args, data, binding, err)
			}
			return
		}
		if (data == nil) != (wants == wantsBindingOnly) || binding != nil && (wants == wantsResponse || minor < minorBinding) || minor < minorBinding && strings.Contains(args, "\t") {
			t.Fatalf("minor %d, wants %d: %q is %q, %q", minor, wants, args, data, binding)
		}
		if binding == nil {
			return
		}
		sent, ok := bytes.CutPrefix(bytes.TrimSuffix(appendBound(nil, 7, data, binding), []byte("\n")), []byte("CONT\t7\t"))
		data2, binding2, err := parseCont(sent, minor, wants)
		if err != nil || !ok || !bytes.Equal(data, data2) || !bytes.Equal(binding, binding2) || (data == nil) != (data2 == nil) || binding2 == nil {
			t.Errorf("%q: %q, %q became %q, %q, %v", args, data, binding, data2, binding2, err)
		}
	})
}

// FuzzLine parses an AUTH line, writes what was understood as the client role
// would, and expects to understand the same again.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		"PLAIN\tservice=smtp\tnologin\tlip=192.0.2.25\trip=2001:db8::1\tsecured\tresp=AHUAcA==",
		"login\tprotocol=imap\tfinal-resp-ok\tsecured=tls\tsession=k3vZ\x01t\tlport=993\trport=51234\tclient_id=(\"a\" \xff)\tresp=",
		"SCRAM-SHA-256\tservice=x\tresp==",
		"PLAIN\tservice=x\tresp=!", "PLAIN\tservice=x\tresp=AA==\tsecured", "PLAIN", "\t\t=\t", "PLAIN\tservice=\x010",
	} {
		f.Add(s, uint32(1))
		f.Add(s, uint32(4))
	}
	f.Fuzz(func(t *testing.T, line string, minor uint32) {
		var a Auth
		if err := parseAuth(&a, []byte(line), minor, fuzzMechanisms, make([]byte, 8)); err != nil {
			return
		}
		for _, s := range []string{a.Service, a.Session, a.ClientID, a.LocalName} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Errorf("%q in %+v", s, a)
			}
		}
		sent, err := appendAuth(nil, 7, &AuthRequest{
			Mechanism: a.Mechanism, Service: a.Service, Secured: a.Secured, TLS: a.TLS,
			LocalIP: a.LocalIP, RemoteIP: a.RemoteIP, LocalPort: a.LocalPort, RemotePort: a.RemotePort,
			Session: a.Session, ClientID: a.ClientID, LocalName: a.LocalName,
			NoPenalty: a.NoPenalty, FinalRespOK: a.FinalRespOK, ValidClientCert: a.ValidClientCert, Initial: a.Initial,
		})
		if err != nil {
			if len(line) < maxClientLine/4 {
				t.Errorf("what was understood of %q cannot be sent: %v", line, err)
			}
			return
		}
		var again Auth
		args, ok := bytes.CutPrefix(bytes.TrimSuffix(sent, []byte("\n")), []byte("AUTH\t7\t"))
		if err := parseAuth(&again, args, 0, fuzzMechanisms, nil); err != nil || !ok {
			t.Fatalf("%q: %v", sent, err)
		}
		a.RealLocalIP, a.RealRemoteIP, a.RealLocalPort, a.RealRemotePort = netip.Addr{}, netip.Addr{}, 0, 0
		a.LocalIP, a.RemoteIP = a.LocalIP.WithZone(""), a.RemoteIP.WithZone("") // zones are not sent
		if !bytes.Equal(a.Initial, again.Initial) || (a.Initial == nil) != (again.Initial == nil) {
			t.Errorf("initial response %q became %q", a.Initial, again.Initial)
		}
		a.Initial, again.Initial = nil, nil
		if a.ID = 0; !sameAuth(a, again) {
			t.Errorf("%+v became %+v", a, again)
		}
	})
}

func sameAuth(a, b Auth) bool {
	return a.Mechanism == b.Mechanism && a.Service == b.Service && a.Secured == b.Secured && a.TLS == b.TLS &&
		a.LocalIP == b.LocalIP && a.RemoteIP == b.RemoteIP && a.LocalPort == b.LocalPort && a.RemotePort == b.RemotePort &&
		a.Session == b.Session && a.ClientID == b.ClientID && a.LocalName == b.LocalName &&
		a.NoPenalty == b.NoPenalty && a.FinalRespOK == b.FinalRespOK && a.ValidClientCert == b.ValidClientCert
}

// FuzzAddress holds the hand-written IPv4 reader against netip's.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "0.0.0.0", "1..2.3", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3.4 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseIPv4([]byte(s))
		want, err := netip.ParseAddr(s)
		if wantOK := err == nil && want.Is4(); ok != wantOK || ok && got != want {
			t.Errorf("%q: %v, %t, want %v, %v", s, got, ok, want, err)
		}
		if addr := parseAddr([]byte(s)); addr.Is4In6() {
			t.Errorf("%q: %v", s, addr)
		}
	})
}

// FuzzReply reads what a server may say to a client.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"OK\t1\tuser=u\tnologin\tresp=dj14", "FAIL\t1\tuser=u\tcode=temp_fail\treason=a b", "CONT\t1\t", "CONT\t1\tYQ==\tx", "CONT\t1\t#\tchannel_binding=tls-unique", "CONT\t1\tYQ==\tx\tchannel_binding=tls-exporter\tchannel_binding=", "CANCELLED\t1", "OK", "USER\t1\tu\tuid=1", "NOTFOUND\t1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var fresh, used Reply
		for _, other := range []string{"CONT\t9\t#\tchannel_binding=other", "OK\t9\tuser=other\ta=b\tc=d\treason=x\tresp=eHh4"} {
			if err := used.parse([]byte(other)); err != nil {
				t.Fatal(err)
			}
		}
		err, again := fresh.parse([]byte(line)), used.parse([]byte(line))
		if (err == nil) != (again == nil) {
			t.Fatalf("%q: %v, then %v", line, err, again)
		}
		if _, err := parseUserReply([]byte(line), "USER", 1); err == nil && strings.HasPrefix(line, "OK") {
			t.Errorf("%q taken for a user", line)
		}
		if err != nil {
			return
		}
		if fresh.Binding != used.Binding || fresh.OutOfBand != used.OutOfBand || fresh.Kind != Challenged && (fresh.Binding != "" || fresh.OutOfBand) {
			t.Errorf("%q: %+v, into a used reply %+v", line, fresh, used)
		}
		if fresh.ID != used.ID || fresh.User != used.User || fresh.Reason != used.Reason || fresh.Code != used.Code || len(fresh.Fields) != len(used.Fields) ||
			(fresh.Challenge == nil) != (used.Challenge == nil) || (fresh.Final == nil) != (used.Final == nil) || !bytes.Equal(fresh.Final, used.Final) {
			t.Errorf("%q: %+v, into a used reply %+v", line, fresh, used)
		}
	})
}

// fuzzConn is a connection whose peer has written all of in and closes when the
// back end has come to rest.
type fuzzConn struct {
	net.Conn
	in   *bytes.Reader
	step int
	rest *sync.WaitGroup
	mu   sync.Mutex
	out  bytes.Buffer
	shut bool
}

func (c *fuzzConn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p[:min(len(p), c.step)])
	if err == io.EOF {
		c.rest.Wait()
	}
	return n, err
}

func (c *fuzzConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return 0, net.ErrClosed
	}
	return c.out.Write(p)
}

func (c *fuzzConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	return nil
}

func (c *fuzzConn) SetReadDeadline(time.Time) error  { return nil }
func (c *fuzzConn) SetWriteDeadline(time.Time) error { return nil }
func (c *fuzzConn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }

// fuzzBackend does what the first byte of a message says, now or from a goroutine.
type fuzzBackend struct{ rest *sync.WaitGroup }

func (b fuzzBackend) Auth(r *Request) { b.act(r, r.Initial) }

// Continue has no message in what came out of band, and does what the binding says.
func (b fuzzBackend) Continue(r *Request, response []byte) {
	if response == nil {
		response = append([]byte("2"), r.Binding...)
	}
	b.act(r, response)
}

func (b fuzzBackend) act(r *Request, message []byte) {
	if len(message) == 0 {
		r.Challenge(nil)
		return
	}
	switch message[0] {
	case 'o':
		r.OK(OK{User: "u"})
	case 'f':
		r.OK(OK{User: "u", Final: message})
	case 'e':
		r.OK(OK{})
	case 'p':
		panic("p")
	case 'd':
		r.Drop(r.Received)
	case 'w':
		r.Fail(Fail{At: r.Received.Add(time.Millisecond)})
	case 'n':
	case 'b':
		r.ChallengeBinding(message, "tls-exporter")
	case 'B':
		r.ChallengeBinding(nil, "tls-unique")
	case '2':
		r.Challenge(message)
		r.OK(OK{User: "u"})
		r.Fail(Fail{})
	case 'a':
		b.rest.Go(func() {
			defer func() { _ = recover() }() // a panic in its own goroutine is the back end's affair
			b.act(r, message[1:])
			b.act(r, message[1:])
		})
	default:
		r.Fail(Fail{Reason: string(message)})
	}
}

func (fuzzBackend) Request(context.Context, any, *LoginQuery) UserReply { return UserReply{} }

func (fuzzBackend) User(_ context.Context, q *UserQuery) UserReply {
	if q.User == "panic" {
		panic(q)
	}
	return UserReply{Outcome: UserOutcome(len(q.User) % 3), User: q.User, Fields: []Field{{q.Session, q.Service}}}
}

// runFuzzConn plays a whole connection and returns what the server wrote after its handshake.
func runFuzzConn(t *testing.T, in []byte, step uint8, k Kind) string {
	rest := new(sync.WaitGroup)
	nc := &fuzzConn{in: bytes.NewReader(in), step: int(step) + 1, rest: rest}
	s := &Server{
		Backend: fuzzBackend{rest}, Master: fuzzBackend{rest}, Log: slog.New(slog.DiscardHandler),
		Mechanisms: fuzzOffered,
	}
	c, err := s.newConn(nc, fuzzListener{}, ListenerOptions{Kind: k})
	if err != nil {
		t.Fatal(err)
	}
	hello := string(c.out)
	c.Serve()
	rest.Wait()
	out, ok := strings.CutPrefix(nc.out.String(), hello)
	if !ok {
		t.Fatalf("the handshake is not the first thing: %q", nc.out.String())
	}
	if out != "" && !strings.HasSuffix(out, "\n") {
		t.Errorf("half a line: %q", out)
	}
	return out
}

type fuzzListener struct{ net.Listener }

func (fuzzListener) Addr() net.Addr { return &net.TCPAddr{} }

const (
	fuzzHello      = "VERSION\t1\t2\nCPID\t7\n"
	fuzzLoginHello = "VERSION\t1\t4\nCPID\t7\n"
)

func fuzzAuth(id, message string) string {
	return "AUTH\t" + id + "\tPLAIN\tservice=x\tresp=" + base64.StdEncoding.EncodeToString([]byte(message)) + "\n"
}

// FuzzConnection sends anything after a handshake. Whatever comes, each AUTH has at
// most one final answer, and every line of the server is one that a client knows.
func FuzzConnection(f *testing.F) {
	all := ""
	for i, message := range []string{"o", "f", "e", "p", "d", "w", "n", "2", "b", "B", "ao", "ap", "ad", "af", "ab", "x"} {
		f.Add([]byte(fuzzAuth("1", message)+fuzzAuth("1", "o")), uint8(200))
		if message != "d" && message != "ad" {
			all += fuzzAuth(string(rune('1'+i%9)), message) + "CONT\t1\t\n"
		}
	}
	f.Add([]byte(all+"CANCEL\t3\nCONT\t4\tbw==\n"), uint8(0))
	f.Add([]byte("AUTH\t1\tPLAIN\tservice=x\nCONT\t1\t\nCONT\t1\tbw==\nCONT\t1\t!\n"), uint8(255))
	f.Add([]byte("CONT\t5\t=\n\n"), uint8(3))
	f.Add([]byte("AUTH\t1\tNTLM\tservice=x\n"), uint8(9))
	f.Add([]byte("AUTH\t1\tSCRAM-SHA-256-PLUS\tprotocol=x\tresp=Yg==\nCONT\t1\tbw==\tchannel_binding=bw==\nCANCEL\t1\n"), uint8(90))
	f.Add([]byte("AUTH\t1\tSCRAM-SHA-256-PLUS\tprotocol=x\tresp=Qg==\nCONT\t1\t#\tchannel_binding=bw==\nCANCEL\t2\n"), uint8(90))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		oneAnswerEach(t, in, runFuzzConn(t, append([]byte(fuzzHello), in...), step, KindClient), false)
		oneAnswerEach(t, in, runFuzzConn(t, append([]byte(fuzzLoginHello), in...), step, KindLogin), true)
	})
}

// oneAnswerEach sees that each AUTH and CANCEL of in has at most one final answer in out.
func oneAnswerEach(t *testing.T, in []byte, out string, login bool) {
	asked, cancelled := make(map[uint32]int), make(map[uint32]int)
	for line := range bytes.Lines(in) {
		command, args, _ := cut(line)
		id, _, _, _ := parseID(bytes.TrimRight(args, "\r\n")) // 0 if it is none
		switch string(command) {
		case "AUTH":
			asked[id]++
		case "CANCEL":
			cancelled[id]++
		}
	}
	if login {
		if _, rest, ok := strings.Cut(out, "DONE\n"); ok {
			out = rest
		} else {
			t.Errorf("no handshake: %q", out)
		}
	}
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		var reply Reply
		if err := reply.parse(lines.Bytes()); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		answers := asked
		switch {
		case reply.Kind == Challenged && reply.Binding != "" && !login:
			t.Errorf("a client of minor 2 was asked for channel binding: %q", lines.Text())
		case reply.Kind == Challenged || reply.Reason == "Authentication request timed out":
			continue
		case reply.Kind == Cancelled:
			if answers = cancelled; !login {
				t.Errorf("a client of minor 2 was told %q", lines.Text())
			}
		}
		if answers[reply.ID]--; answers[reply.ID] < 0 {
			t.Errorf("one answer too many to %d:\n%s", reply.ID, out)
		}
	}
}

// fuzzMinor is the minor version that a client's first whole line says; false if it is no good.
func fuzzMinor(in []byte) (uint32, bool) {
	line, _, whole := bytes.Cut(in, []byte("\n"))
	command, args, _ := cut(bytes.TrimSuffix(line, []byte("\r")))
	minor, err := parseVersion(args)
	return minor, whole && string(command) == "VERSION" && err == nil && !bytes.Contains(line, []byte{0}) && len(line) < maxClientLine
}

// FuzzHandshake sends anything to a server from the first byte, and to a client
// that waits for a server's handshake.
func FuzzHandshake(f *testing.F) {
	for _, s := range []string{
		fuzzHello, fuzzHello + fuzzAuth("1", "o"), "VERSION\t1\n", "VERSION\t2\t0\n", "CPID\t1\n", "VERSION\t1\t4\r\nCPID\t0\r\n",
		"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n",
		"VERSION\t1\t2\nSPID\t1\n", "MECH\nDONE\n", "VERSION\n",
		fuzzLoginHello, "VERSION\t1\t3\nCPID\t7\nAUTH\t1\tSCRAM-SHA-256-PLUS\tprotocol=x\tresp=Yg==\n", "VERSION\t1\t4", "VERSION\t1\t4\nVERSION\t1\t4\n",
		"VERSION\t1\t4\nMECH\tPLAIN\nMECH\tSCRAM-SHA-256-PLUS\tchannel-binding\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n",
	} {
		f.Add([]byte(s), uint8(100))
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		out := runFuzzConn(t, in, step, KindClient)
		if out != "" && !bytes.HasPrefix(in, []byte("VERSION\t1\t")) {
			t.Errorf("answered before the handshake: %q", out)
		}
		login := runFuzzConn(t, in, step, KindLogin)
		if minor, ok := fuzzMinor(in); (login != "") != ok || ok && strings.Contains(login, "\tchannel-binding\n") != (minor >= minorBinding) || ok && !strings.Contains(login, "\nDONE\n") {
			t.Errorf("on a login socket: %q", login)
		}
		c, err := NewClient(&fuzzConn{in: bytes.NewReader(in), step: int(step) + 1, rest: new(sync.WaitGroup)}, ClientOptions{})
		if err == nil && len(c.Mechanisms) == 0 {
			t.Error("a handshake without mechanisms was accepted")
		}
		m, err := NewMasterClient(&fuzzConn{in: bytes.NewReader(in), step: int(step) + 1, rest: new(sync.WaitGroup)})
		if err == nil && m == nil || err != nil && errors.Is(err, errID) {
			t.Errorf("master client: %v, %v", m, err)
		}
	})
}

func (fuzzBackend) Pass(_ context.Context, q *UserQuery) UserReply {
	return fuzzBackend{}.User(context.Background(), q)
}

// List names the mask itself and what is in it, so that all of the mask's bytes
// come back.
func (fuzzBackend) List(_ context.Context, q *ListQuery, yield func(string) bool) error {
	if q.Mask == "panic" {
		panic(q)
	}
	_ = yield(q.Mask) && yield(q.Service) && yield("u@example")
	return nil
}

// FuzzMasterConnection sends anything after VERSION to a master and a userdb
// socket: one line back for each line in, at most, and for a LIST those of the list.
func FuzzMasterConnection(f *testing.F) {
	for _, s := range []string{
		"USER\t1\tu\tservice=lmtp\tsession=uid\nUSER\t2\tpanic\tservice=x\n", "REQUEST\t1\t2\t3\t00000000000000000000000000000000\tsession_pid=1\trequest_auth_token\n",
		"PASS\t1\tu\nLIST\t2\nCACHE-FLUSH\t3\n", "PASS\t1\tuu\tservice=lmtp\tsession=password\nPASS\t2\tpanic\tservice=x\n",
		"LIST\t1\tuser=*@\x01t?\tservice=x\nLIST\t2\tuser=panic\nLIST\t3\nUSER\t4\tu\tservice=x\n", "CACHE-FLUSH\t1\tu\t*\nCACHE-FLUSH\tx\n",
		"CPID\t1\n", "REQUEST\t1\n", "USER\t1\tuu\tservice=\n", "\n",
	} {
		f.Add([]byte(s), uint8(100))
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		for _, k := range []Kind{KindMaster, KindUserdb} {
			out := runFuzzConn(t, append([]byte("VERSION\t1\t0\n"), in...), step, k)
			if got, most := strings.Count(out, "\n")-strings.Count(out, "LIST\t"), bytes.Count(in, []byte("\n")); got > most {
				t.Errorf("%d answers to %d lines: %q", got, most, out)
			}
			for line := range strings.Lines(out) {
				if fields := strings.Split(line, "\t"); fields[0] == "PASS" && len(fields) > 3 && Credential(strings.Split(fields[3], "=")[0]) {
					t.Errorf("a credential: %q", line)
				}
			}
			if k == KindUserdb && strings.Contains(out, "OK\t") {
				t.Errorf("a userdb socket flushed a cache: %q", out)
			}
		}
	})
}

// FuzzMask holds the matcher against a regular expression that means the same.
func FuzzMask(f *testing.F) {
	for _, s := range [][2]string{
		{"*", ""}, {"", ""}, {"?", ""}, {"*@example.org", "u@EXAMPLE.org"}, {"u?@*", "u1@example"}, {"**a*b?c", "xxaxxbxcabxc"},
		{"a.b", "axb"}, {"*\xff?", "\xffa"}, {"ab*", "a"}, {strings.Repeat("*a", 100), strings.Repeat("a", 99)},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, mask, name string) {
		if len(mask) > 1024 || len(name) > 1024 {
			return
		}
		ascii := func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) }
		if !ascii(mask) || !ascii(name) { // a regular expression takes characters, the mask bytes
			if matchMask("", name) != (name == "") || !matchMask("*", name) {
				t.Errorf("%q does not match what everything matches", name)
			}
			_ = matchMask(mask, name) // whatever it says, it ends
			return
		}
		pattern := regexp.QuoteMeta(mask)
		pattern = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(pattern)
		want := regexp.MustCompile(`(?is)^` + pattern + `$`).MatchString(name)
		if got := matchMask(mask, name); got != want {
			t.Errorf("%q of %q: %t, want %t", mask, name, got, want)
		}
	})
}

// FuzzMasterReply reads what a server may say to a master client.
func FuzzMasterReply(f *testing.F) {
	for _, s := range []string{
		"LIST\t1\tu@example\nLIST\t1\ta\x01tb\nDONE\t1\t\n", "LIST\t1\tu\nDONE\t1\tfail\n", "LIST\t1\t\n", "DONE\t2\t\n", "LIST\t1\tu\n",
		"OK\t1\t7\n", "OK\t1\n", "PASS\t1\tuser=u\thost=h\n", "USER\t1\tu\tuid=1\n", "FAIL\t1\treason=x\n", "NOTFOUND\t1\n", "\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		client := func() *MasterClient {
			in := append([]byte("VERSION\t1\t1\nSPID\t1\n"), in...)
			m, err := NewMasterClient(&fuzzConn{in: bytes.NewReader(in), step: 200, rest: new(sync.WaitGroup)})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		names := 0
		err := client().List(t.Context(), &ListQuery{Mask: "*"}, func(user string) bool {
			if user == "" || !utf8.ValidString(user) || strings.Contains(user, "\x00") {
				t.Errorf("a user called %q", user)
			}
			names++
			return true
		})
		if got := bytes.Count(in, []byte("LIST")); names > got || err == nil && !bytes.Contains(in, []byte("DONE")) {
			t.Errorf("%d names of %d, %v", names, got, err)
		}
		if _, err := client().CacheFlush(t.Context()); err == nil && !bytes.HasPrefix(in, []byte("OK\t1\t")) {
			t.Error("something else was taken for OK")
		}
		if reply, err := client().Pass(t.Context(), "u", "x"); err == nil && reply.Outcome == Found && !bytes.HasPrefix(in, []byte("PASS\t1")) {
			t.Errorf("something else was taken for PASS: %+v", reply)
		}
	})
}
