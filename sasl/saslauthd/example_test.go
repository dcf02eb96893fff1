package saslauthd_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/saslauthd"
)

// A daemon on a unix socket, as saslauthd_path would name it, and a client that
// asks it.
func Example() {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "mux"))
	if err != nil {
		panic(err)
	}
	server := &saslauthd.Server{Answer: func(_ context.Context, r *saslauthd.Request) saslauthd.Reply {
		if r.Login+"@"+r.Realm == "ada@example.org" && r.Password() == "difference engine" {
			return saslauthd.Reply{Outcome: saslauthd.OK}
		}
		return saslauthd.Reply{Outcome: saslauthd.No, Text: "Not today.", At: r.Received.Add(10 * time.Millisecond)}
	}}
	go server.Serve(l)
	defer server.Close()

	for _, password := range []string{"difference engine", "analytical engine"} {
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			panic(err)
		}
		reply, err := saslauthd.Ask(context.Background(), conn, &saslauthd.Request{
			Login: "ada", Realm: "example.org", Service: "imap", Password: func() string { return password },
		})
		fmt.Println(reply.Outcome == saslauthd.OK, reply.Text, err)
	}
	// Output:
	// true  <nil>
	// false Not today. <nil>
}
