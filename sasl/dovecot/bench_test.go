package dovecot_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

func alwaysOK() backend {
	fields := []dovecot.Field{{Key: "user_apw", Value: "0123456789abcdef"}}
	var login any = "login"
	return backend{auth: func(r *dovecot.Request) {
		r.OK(dovecot.OK{User: "someone@example.org", Fields: fields, Login: login})
	}}
}

var benchAuth = dovecot.AuthRequest{
	Mechanism: "PLAIN", Service: "imap", Secured: true, TLS: true, NoPenalty: true,
	Session: "k3vZ1lgPnK0KAAAB", Initial: []byte("\x00someone@example.org\x00abcdefghjkmnpqrs"),
}

// drive sends n logins, at most depth of them in flight.
func drive(c *dovecot.Client, n, depth int) error {
	var reply dovecot.Reply
	started, ended := 0, 0
	for ended < n {
		for started < n && started-ended < depth {
			if _, err := c.Start(&benchAuth); err != nil {
				return err
			}
			started++
		}
		if err := c.Flush(); err != nil {
			return err
		}
		for first := true; first || c.Buffered(); first = false {
			if err := c.ReadReply(&reply); err != nil {
				return err
			}
			if !reply.OK {
				return fmt.Errorf("refused: %+v", reply)
			}
			ended++
		}
	}
	return nil
}

// BenchmarkLogins drives a server over a unix socket and beside it one that does
// nothing but read lines and write a fixed answer.
func BenchmarkLogins(b *testing.B) {
	for _, shape := range []struct{ conns, depth int }{{1, 1}, {16, 1}, {4, 32}} {
		name := fmt.Sprintf("%dx%d", shape.conns, shape.depth)
		b.Run("server="+name, func(b *testing.B) {
			s := &dovecot.Server{Mechanisms: plainOnly, Backend: alwaysOK()}
			benchLogins(b, serve(b, s, dovecot.KindClient), shape.conns, shape.depth)
		})
		b.Run("nothing="+name, func(b *testing.B) {
			benchLogins(b, serveNothing(b), shape.conns, shape.depth)
		})
	}
}

func benchLogins(b *testing.B, path string, conns, depth int) {
	clients := make([]*dovecot.Client, conns)
	for i := range clients {
		clients[i] = dial(b, path, dovecot.ClientOptions{Minor: 2, PID: uint32(i + 1)})
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			if err := drive(c, b.N/conns+1, depth); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}

// serveNothing answers OK to every line without looking at more than its id.
func serveNothing(b *testing.B) string {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "auth")
	l, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { answerNothing(nc) })
		}
	})
	b.Cleanup(func() {
		_ = l.Close() // ends the loop above
		_ = os.RemoveAll(dir)
	})
	return path
}

func answerNothing(nc net.Conn) {
	defer nc.Close()
	_, err := nc.Write([]byte("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n"))
	in := bufio.NewReader(nc)
	var out []byte
	for n := 0; err == nil; n++ {
		var line []byte
		if line, err = in.ReadSlice('\n'); err != nil {
			return
		}
		if n > 1 {
			id := line[len("AUTH\t"):]
			for i, c := range id {
				if c == '\t' {
					id = id[:i]
					break
				}
			}
			out = append(append(out, "OK\t"...), id...)
			out = append(out, "\tuser=someone@example.org\tuser_apw=0123456789abcdef\n"...)
		}
		if in.Buffered() == 0 && len(out) > 0 {
			_, err = nc.Write(out)
			out = out[:0]
		}
	}
}
