// Package bench drives a Dovecot auth socket with logins and measures how fast
// they are answered. Any server of the protocol will do, latchkey's or Dovecot's
// own, and each is asked in the same words: those of Dovecot 2.3's imap-login.
//
// The load is closed: each connection keeps a fixed number of logins in flight
// and starts the next when one is answered. So the server sets the pace, and a
// rate says what it can do, not what was asked of it. A refusal that is held back
// for two seconds holds its place in flight for two seconds, as it does at a real
// mail server.
//
// One goroutine drives one connection, and nothing is allocated for a login: on a
// machine that generator and server share, what the generator costs is taken from
// the server.
//
// [RunSaslauthd] and [RunNginx] drive the doors that take one login on each
// connection. [RunWeb] does the same with requests to a web server.
package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// Bounds of a load. They keep a slip of the finger from taking a machine down.
const (
	MaxConnections = 1024
	MaxInFlight    = 4096
	MaxDuration    = time.Hour
	MaxLogins      = 1 << 40
)

const (
	dialFor  = 10 * time.Second // connect and handshake
	drainFor = 10 * time.Second // for the answers still open when the time is over
	minor    = 2                // the version of Dovecot 2.3, which is told temp_fail
)

// ErrOptions is wrapped by what Run returns for a load that makes no sense.
var ErrOptions = errors.New("bench: bad load")

// Options describe a load. Connections, InFlight and one of Duration and Logins
// are needed.
type Options struct {
	Socket      string // path of a unix socket, or
	Address     string // host and port of a TCP socket
	Connections int
	InFlight    int           // logins open at a time, on each connection
	Duration    time.Duration // no login starts later; 0: MaxDuration
	Logins      int64         // no more logins than that; 0: no bound but Duration
	Accounts    []Account     // taken in turn
	Service     string        // such as "imap"
	Mechanism   string        // "PLAIN", "LOGIN" or "SCRAM-SHA-256"
}

func (o *Options) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...)
	}
	switch {
	case (o.Socket == "") == (o.Address == ""):
		return bad("either a socket or an address")
	case o.Connections < 1 || o.Connections > MaxConnections:
		return bad("connections must be 1 to %d", MaxConnections)
	case o.InFlight < 1 || o.InFlight > MaxInFlight:
		return bad("logins in flight must be 1 to %d", MaxInFlight)
	case o.Duration < 0 || o.Duration > MaxDuration:
		return bad("duration must be at most %v", MaxDuration)
	case o.Logins < 0 || o.Logins > MaxLogins:
		return bad("logins must be at most %d", int64(MaxLogins))
	case o.Duration == 0 && o.Logins == 0:
		return bad("neither duration nor number of logins")
	case len(o.Accounts) == 0:
		return bad("no accounts")
	case o.Service == "":
		return bad("no service")
	case o.Mechanism != "PLAIN" && o.Mechanism != "LOGIN" && o.Mechanism != mechanismSCRAM:
		return bad("mechanism %q: PLAIN, LOGIN and %s are known", o.Mechanism, mechanismSCRAM)
	}
	return nil
}

// share is how many logins the i-th connection starts at most.
func (o *Options) share(i int) int64 {
	if o.Logins == 0 {
		return MaxLogins
	}
	n, rest := o.Logins/int64(o.Connections), o.Logins%int64(o.Connections)
	if int64(i) < rest {
		n++
	}
	return n
}

// firstAccount is where the i-th connection begins: each begins elsewhere.
func (o *Options) firstAccount(i int) int { return len(o.Accounts) * i / o.Connections }

// Run puts the load on the socket and returns when it is over. With an error of
// a connection the others end too; what was measured until then is returned
// beside it. When ctx ends Run stops at once, with its error.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Duration == 0 {
		o.Duration = MaxDuration
	}
	conns, err := dialAll(ctx, &o)
	defer closeAll(conns)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { closeAll(conns) }) // ends reads under way
	defer stop()

	if o.Mechanism == mechanismSCRAM {
		provers, err := learnProvers(conns[0])
		if err != nil {
			return nil, errors.Join(context.Cause(ctx), fmt.Errorf("bench: %w", err))
		}
		for _, c := range conns {
			c.provers = provers
		}
	}
	start := time.Now()
	var running sync.WaitGroup
	for _, c := range conns {
		running.Go(func() {
			if err := c.run(start); err != nil {
				cancel(err) // only the first counts
			}
		})
	}
	running.Wait()
	tallies := make([]*tally, len(conns))
	for i, c := range conns {
		tallies[i] = &c.tally
	}
	return total(&o, tallies, start), context.Cause(ctx)
}

// dialAll opens all connections before the clock starts.
func dialAll(ctx context.Context, o *Options) ([]*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	var conns []*connection
	for i := range o.Connections {
		c, err := greet(ctx, o, i)
		if err != nil {
			return conns, fmt.Errorf("bench: connection %d: %w", i+1, err)
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// dial connects to the server.
func (o *Options) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialFor}
	if o.Address != "" {
		return dialer.DialContext(ctx, "tcp", o.Address)
	}
	return dialer.DialContext(ctx, "unix", o.Socket)
}

// greet opens the i-th connection, handshake included.
func greet(ctx context.Context, o *Options, i int) (*connection, error) {
	nc, err := o.dial(ctx)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = nc.SetDeadline(deadline) // fails only on a closed connection
	}
	// Each is a login process of its own to the server, so each has its own PID.
	client, err := dovecot.NewClient(nc, dovecot.ClientOptions{Minor: minor, PID: uint32(i) + 1})
	if err != nil {
		return nil, err
	}
	if !offers(client.Mechanisms, o.Mechanism) {
		_ = client.Close() // the error that counts is the other one
		return nil, fmt.Errorf("the server does not offer %s", o.Mechanism)
	}
	return newConnection(o, i, nc, client), nil
}

func offers(list []dovecot.Mechanism, name string) bool {
	for _, m := range list {
		if strings.EqualFold(m.Name, name) {
			return true
		}
	}
	return false
}

func closeAll(conns []*connection) {
	for _, c := range conns {
		_ = c.client.Close() // closed connections may be closed again
	}
}
