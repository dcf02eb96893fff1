package dovecot_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// oneUser knows PLAIN and one password.
type oneUser struct{}

func (oneUser) Auth(r *dovecot.Request) {
	if r.Initial == nil {
		r.Challenge(nil) // the client sends its message now
		return
	}
	oneUser{}.Continue(r, r.Initial)
}

func (oneUser) Continue(r *dovecot.Request, message []byte) {
	if string(message) == "\x00ada@example.org\x00difference engine" {
		r.OK(dovecot.OK{User: "ada@example.org"})
		return
	}
	r.Fail(dovecot.Fail{Reason: "Not today.", At: r.Received.Add(10 * time.Millisecond)})
}

// A server on a unix socket, as Postfix's smtpd_sasl_path would name it, and a
// client that asks it.
func Example() {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "auth-client"))
	if err != nil {
		panic(err)
	}
	server := &dovecot.Server{
		Backend:    oneUser{},
		Mechanisms: func() []dovecot.Mechanism { return []dovecot.Mechanism{{Name: "PLAIN", Flags: []string{"plaintext"}}} },
	}
	go server.Serve(l, dovecot.KindClient)
	defer server.Close()

	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		panic(err)
	}
	client, err := dovecot.NewClient(conn, dovecot.ClientOptions{})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for _, password := range []string{"difference engine", "analytical engine"} {
		reply, err := client.Authenticate(context.Background(), &dovecot.AuthRequest{
			Mechanism: "PLAIN", Service: "smtp", Secured: true,
			Initial: []byte("\x00ada@example.org\x00" + password),
		}, nil)
		fmt.Println(reply.OK, reply.User, reply.Reason, err)
	}
	// Output:
	// true ada@example.org  <nil>
	// false  Not today. <nil>
}
