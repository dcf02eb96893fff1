package dovecot

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

var benchLine = []byte("AUTH\t1000000000\tPLAIN\tservice=imap\tsecured=tls\tsession=k3vZ1lgPnK0KAAAB\tlip=192.0.2.25\trip=198.51.100.7\tlport=993\trport=51234\tresp=AHNvbWVvbmVAZXhhbXBsZS5vcmcAYWJjZGVmZ2hqa21ucHFycw==\n")

// BenchmarkParse reads one AUTH line of imap-login, without its request.
func BenchmarkParse(b *testing.B) {
	line := bytes.TrimSuffix(benchLine, []byte("\n"))
	small := make([]byte, 96)
	b.ReportAllocs()
	for b.Loop() {
		_, args, _ := cut(line)
		_, args, _, err := parseID(args)
		if err != nil {
			b.Fatal(err)
		}
		var a Auth
		if err := parseAuth(&a, args, 2, fuzzMechanisms, small); err != nil {
			b.Fatal(err)
		}
	}
}

// tapeConn plays one line again and again, a read at a time and its id counting
// up, and throws away what is written.
type tapeConn struct {
	fuzzConn
	line []byte
	left int
}

func (c *tapeConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	for i := len("AUTH\t1000000000") - 1; ; i-- {
		if c.line[i]++; c.line[i] <= '9' {
			break
		}
		c.line[i] = '0'
	}
	return copy(p, c.line), nil
}

func (c *tapeConn) Write(p []byte) (int, error) { return len(p), nil }

type benchBackend struct {
	fields []Field
	login  any
	at     time.Duration
}

func (b benchBackend) Auth(r *Request) {
	if b.at > 0 {
		r.Fail(Fail{User: "someone@example.org", Reason: "Use an app password: https://mail.example/", At: r.Received.Add(b.at)})
		return
	}
	r.OK(OK{User: "someone@example.org", Fields: b.fields, Login: b.login})
}

func (benchBackend) Continue(*Request, []byte) {}

// BenchmarkLogin is one AUTH and its OK through a connection, without a socket.
func BenchmarkLogin(b *testing.B) {
	s := &Server{
		Backend:    benchBackend{[]Field{{"user_apw", "0123456789abcdef"}}, "login", 0},
		Mechanisms: func() []Mechanism { return fuzzMechanisms },
	}
	nc := &tapeConn{fuzzConn: fuzzConn{in: bytes.NewReader(nil), rest: new(sync.WaitGroup)}, line: bytes.Clone(benchLine), left: b.N}
	c, err := s.newConn(nc, fuzzListener{}, ListenerOptions{})
	if err != nil {
		b.Fatal(err)
	}
	client := c.speaker.(*clientConn)
	client.versioned, client.minor, client.pid = true, 2, 7
	b.ReportAllocs()
	b.ResetTimer()
	c.Serve()
}

var _ net.Conn = (*tapeConn)(nil)
