package harness

import (
	"net"
	"testing"
)

// TestReservePort: the port is given to who asks for it, and to nobody who asks for
// any.
func TestReservePort(t *testing.T) {
	const n = 200
	reserved := make(map[string]bool)
	for range n {
		port, release, err := ReservePort()
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		reserved[port] = true
	}
	if len(reserved) != n {
		t.Errorf("%d ports of %d", len(reserved), n)
	}
	for range 2000 { // ports that the system chooses
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		if reserved[port] {
			t.Fatalf("port %s was given away", port)
		}
		defer l.Close()
	}
	for port := range reserved { // and again, after a server has gone
		for range 2 {
			l, err := net.Listen("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			l.Close()
		}
	}
}
