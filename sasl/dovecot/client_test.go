package dovecot_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

const otherServer = "VERSION\t1\t4\nMECH\tPLAIN\tplaintext\nNEWS\tx\nSPID\t12\nCUID\t3\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n"

// peer plays a server by hand: it runs in a goroutine and its end is awaited.
func peer(t *testing.T, play func(in *bufio.Reader, out net.Conn)) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = server.Close() }() // the script is over
		play(bufio.NewReader(server), server)
	}()
	t.Cleanup(func() {
		_ = client.Close() // wakes the goroutine
		<-ended
	})
	return client
}

func readLines(in *bufio.Reader, n int) string {
	all := ""
	for range n {
		line, err := in.ReadString('\n')
		if all += line; err != nil {
			break
		}
	}
	return all
}

func TestClientGreetsBothKindsOfServers(t *testing.T) {
	for name, play := range map[string]func(in *bufio.Reader, out net.Conn){
		"2.3: all at once": func(in *bufio.Reader, out net.Conn) {
			_, _ = io.WriteString(out, otherServer) // a failure shows at the client
			readLines(in, 2)
		},
		"2.4: waits for VERSION": func(in *bufio.Reader, out net.Conn) {
			version, rest, _ := strings.Cut(otherServer, "\n")
			_, _ = io.WriteString(out, version+"\n")
			readLines(in, 1)
			_, _ = io.WriteString(out, rest)
			readLines(in, 1)
		},
		"waits for CPID": func(in *bufio.Reader, out net.Conn) {
			readLines(in, 2)
			_, _ = io.WriteString(out, strings.ReplaceAll(otherServer, "\n", "\r\n"))
		},
	} {
		c, err := dovecot.NewClient(peer(t, play), dovecot.ClientOptions{Minor: 2, PID: 5})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Minor != 4 || c.SPID != 12 || c.CUID != 3 || len(c.Mechanisms) != 1 || c.Mechanisms[0].Flags[0] != "plaintext" || c.Cookie != "0123456789abcdef0123456789abcdef" {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestClientRefusesOtherServers(t *testing.T) {
	for _, hello := range []string{
		"VERSION\t2\t0\n", "VERSION\t1\t2\nDONE\n", "VERSION\t1\t2\nSPID\tx\n", "", strings.Repeat("X\n", 1000), strings.Repeat("x", 20000),
	} {
		nc := peer(t, func(in *bufio.Reader, out net.Conn) {
			go readLines(in, 2)
			_, _ = io.WriteString(out, hello) // a failure is what the client's end gives
		})
		if _, err := dovecot.NewClient(nc, dovecot.ClientOptions{}); err == nil || hello != "" && !errors.Is(err, dovecot.ErrProtocol) {
			t.Errorf("%.40q: %v", hello, err)
		}
	}
	nc := peer(t, func(in *bufio.Reader, out net.Conn) {
		go readLines(in, 1)
		_, _ = io.WriteString(out, otherServer) // as above
	})
	if _, err := dovecot.NewMasterClient(nc); !errors.Is(err, dovecot.ErrProtocol) {
		t.Errorf("master client on a client socket: %v", err)
	}
}

// ask is an AUTH for PLAIN; script does what the password says.
func ask(password string) *dovecot.AuthRequest {
	return &dovecot.AuthRequest{Mechanism: "PLAIN", Service: "imap", Initial: []byte("\x00u@example\x00" + password)}
}

func TestAuthenticateWithinContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &dovecot.Server{Mechanisms: manyMechanisms, Backend: &latchedBackend{}}
		c, err := dovecot.NewClient(servePipes(t, s, dovecot.KindClient)().nc, dovecot.ClientOptions{Minor: 4})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if reply, err := c.Authenticate(ctx, ask("right"), nil); err != nil || !reply.OK {
			t.Errorf("%+v, %v", reply, err)
		}
		began := time.Now()
		_, err = c.Authenticate(ctx, ask("slow"), nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := c.Authenticate(t.Context(), ask("right"), nil); err == nil {
			t.Error("a connection with an answer under way was used again")
		}
	})
}

func TestAuthenticateWithoutVerdict(t *testing.T) {
	s := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}
	c := dial(t, serve(t, s, dovecot.KindClient), dovecot.ClientOptions{Minor: 4})
	if _, err := c.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "LOGIN", Service: "imap"}, nil); !errors.Is(err, dovecot.ErrProtocol) {
		t.Errorf("a challenge that nobody answers: %v", err)
	}
	own := errors.New("own")
	if _, err := c.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "LOGIN", Service: "imap"}, func([]byte) ([]byte, error) { return nil, own }); !errors.Is(err, own) {
		t.Errorf("respond fails: %v", err)
	}
	if reply, err := c.Authenticate(t.Context(), ask("right"), nil); err != nil || !reply.OK {
		t.Errorf("after two cancelled exchanges: %+v, %v", reply, err)
	}
	for _, bad := range []*dovecot.AuthRequest{{Mechanism: "PLAIN"}, {Service: "imap"}, {Mechanism: "A\tB", Service: "imap"}, {Mechanism: "PLAIN", Service: "imap", Initial: make([]byte, 20000)}} {
		if _, err := c.Authenticate(t.Context(), bad, nil); !errors.Is(err, dovecot.ErrRequest) {
			t.Errorf("%.60v: %v", bad, err)
		}
	}
	if reply, err := c.Authenticate(t.Context(), ask("authz"), nil); err != nil || reply.OK || reply.Code != dovecot.AuthzFail || reply.Reason != sentence {
		t.Errorf("%+v, %v", reply, err)
	}
	scram := &dovecot.AuthRequest{Mechanism: "SCRAM-SHA-256", Service: "imap", FinalRespOK: true, Initial: []byte("n,,n=u")}
	if reply, err := c.Authenticate(t.Context(), scram, func([]byte) ([]byte, error) { return []byte("c=biws"), nil }); err != nil || !reply.OK || string(reply.Final) != "v=proof" {
		t.Errorf("%+v, %v", reply, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Authenticate(t.Context(), ask("right"), nil); err == nil {
		t.Error("no error from a server that is gone")
	}
}

// scramPlus is an AUTH that script answers with a question for channel binding.
func scramPlus(binding func(kind string) ([]byte, error)) *dovecot.AuthRequest {
	return &dovecot.AuthRequest{Mechanism: "SCRAM-SHA-256-PLUS", Service: "imap", FinalRespOK: true, Initial: []byte("p=tls-exporter,,n=u"), ChannelBinding: binding}
}

func TestAuthenticateWithChannelBinding(t *testing.T) {
	s := &dovecot.Server{Mechanisms: transcriptMechanisms, Backend: script{}}
	c := dial(t, serve(t, s, dovecot.KindLogin), dovecot.ClientOptions{Minor: 4})
	if n := len(c.Mechanisms); c.Minor != 4 || n != 5 || !c.Mechanisms[n-1].ChannelBinding || c.Mechanisms[0].ChannelBinding {
		t.Fatalf("handshake: %+v", c)
	}
	own := errors.New("own")
	if _, err := c.Authenticate(t.Context(), scramPlus(nil), nil); !errors.Is(err, dovecot.ErrProtocol) {
		t.Errorf("a question that nobody answers: %v", err)
	}
	if _, err := c.Authenticate(t.Context(), scramPlus(func(string) ([]byte, error) { return nil, own }), nil); !errors.Is(err, own) {
		t.Errorf("no binding: %v", err)
	}
	// Both exchanges have been cancelled; their CANCELLEDs are skipped.
	early := scramPlus(func(kind string) ([]byte, error) { return []byte(kind + "!"), nil })
	early.Initial = []byte("p=tls-unique,,n=u")
	for bound, a := range map[string]*dovecot.AuthRequest{"<nil>,tls-exporter!": scramPlus(early.ChannelBinding), "tls-unique!,": early} {
		reply, err := c.Authenticate(t.Context(), a, func(challenge []byte) ([]byte, error) {
			if string(challenge) != "r=nonce,s=salt,i=4096" {
				t.Errorf("challenge %q", challenge)
			}
			return nil, nil
		})
		if err != nil || !reply.OK || len(reply.Fields) != 1 || reply.Fields[0].Value != bound || reply.Binding != "" || reply.OutOfBand {
			t.Errorf("%s: %+v, %v", bound, reply, err)
		}
	}
	if err := c.ContinueBinding(1, nil, make([]byte, 20000)); !errors.Is(err, dovecot.ErrRequest) {
		t.Errorf("too long: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	s := &dovecot.Server{Mechanisms: transcriptMechanisms, Backend: script{}}
	c := dial(t, serve(t, s, dovecot.KindLogin), dovecot.ClientOptions{Minor: 4})
	id, err := c.Start(ask("never"))
	if err = errors.Join(err, c.Cancel(id), c.Flush()); err != nil {
		t.Fatal(err)
	}
	reply := dovecot.Reply{OK: true, OutOfBand: true, Binding: "x"}
	if err := c.ReadReply(&reply); err != nil || reply.Kind != dovecot.Cancelled || reply.ID != id || reply.OK || reply.OutOfBand || reply.Binding != "" {
		t.Errorf("%+v, %v", reply, err)
	}
	unasked, err := dovecot.NewClient(peer(t, func(in *bufio.Reader, out net.Conn) {
		_, _ = io.WriteString(out, otherServer) // a failure shows at the client
		readLines(in, 3)
		_, _ = io.WriteString(out, "CANCELLED\t1\n")
	}), dovecot.ClientOptions{Minor: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unasked.Authenticate(t.Context(), ask("right"), nil); !errors.Is(err, dovecot.ErrProtocol) {
		t.Errorf("CANCELLED taken for a verdict: %v", err)
	}
}

func TestMasterClientErrors(t *testing.T) {
	connect := func(answer string) *dovecot.MasterClient {
		m, err := dovecot.NewMasterClient(peer(t, func(in *bufio.Reader, out net.Conn) {
			_, _ = io.WriteString(out, "VERSION\t1\t1\nSPID\t5\n") // a failure shows at the client
			readLines(in, 2)
			_, _ = io.WriteString(out, answer)
		}))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, answer := range []string{"USER\t2\tu\n", "OK\t1\n", "USER\n", "", strings.Repeat("x", 9000)} {
		m := connect(answer)
		if _, err := m.User(t.Context(), "u", "lmtp"); err == nil || answer != "" && !errors.Is(err, dovecot.ErrProtocol) {
			t.Errorf("%.20q: %v", answer, err)
		}
	}
	m := connect("FAIL\t1\treason=a b\n")
	for _, name := range []string{"", "a\tb", "a\nb", strings.Repeat("x", 1100)} {
		if _, err := m.User(t.Context(), name, "lmtp"); !errors.Is(err, dovecot.ErrRequest) {
			t.Errorf("%.20q: %v", name, err)
		}
	}
}
