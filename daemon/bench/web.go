package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// WebRequest is one that is sent over and over, ready as it goes out. It may
// hold a password or a cookie, so it prints as its name.
type WebRequest struct {
	name   string
	bytes  []byte
	status int
}

// NewWebRequest makes one of r. Its answers are counted under name if they have
// the status that is wanted.
func NewWebRequest(name string, r *http.Request, status int) (WebRequest, error) {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		return WebRequest{}, fmt.Errorf("bench: %w", err)
	}
	return WebRequest{name: name, bytes: b.Bytes(), status: status}, nil
}

// String returns the name.
func (q WebRequest) String() string { return q.name }

// GoString returns the name, so that no verb shows the rest.
func (q WebRequest) GoString() string { return q.name }

// WebOptions describe a load of HTTP requests, over connections that are kept.
// Each connection sends the next request when one is answered.
type WebOptions struct {
	Addr        string // host and port of a server that speaks HTTP/1.1, without TLS
	Connections int
	Pause       time.Duration // between an answer and the next request, as people make it; 0: none
	Ahead       time.Duration // the load runs that long before anything is counted
	Duration    time.Duration // no request that counts starts later
	Most        int64         // no more requests than that; 0: no bound but Duration
	Requests    []WebRequest  // taken in turn
}

func (o *WebOptions) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...)
	}
	switch {
	case o.Connections < 1 || o.Connections > MaxConnections:
		return bad("connections must be 1 to %d", MaxConnections)
	case o.Duration <= 0 || o.Duration > MaxDuration:
		return bad("duration must be more than 0 and at most %v", MaxDuration)
	case o.Ahead < 0 || o.Ahead > MaxDuration:
		return bad("time ahead must be at most %v", MaxDuration)
	case o.Pause < 0 || o.Pause > MaxDuration:
		return bad("pause must be at most %v", MaxDuration)
	case o.Most < 0 || o.Most > MaxLogins:
		return bad("requests must be at most %d", int64(MaxLogins))
	case len(o.Requests) == 0:
		return bad("no requests")
	}
	return nil
}

// RunWeb puts the load on a web server and returns when it is over. With an error
// of a connection the others end too, and nothing is returned beside it.
func RunWeb(ctx context.Context, o WebOptions) (*WebResult, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Most == 0 {
		o.Most = MaxLogins
	}
	conns, err := dialWeb(ctx, &o)
	defer func() {
		for _, c := range conns {
			_ = c.nc.Close() // closed connections may be closed again
		}
	}()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	var running sync.WaitGroup
	for _, c := range conns {
		running.Go(func() {
			if err := c.run(ctx, start); err != nil {
				cancel(err) // only the first counts
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return totalWeb(&o, conns, start.Add(o.Ahead)), nil
}

// dialWeb opens all connections before the clock starts.
func dialWeb(ctx context.Context, o *WebOptions) ([]*webConnection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	var conns []*webConnection
	names := namesOf(o.Requests)
	for i := range o.Connections {
		var dialer net.Dialer
		nc, err := dialer.DialContext(ctx, "tcp", o.Addr)
		if err != nil {
			return conns, fmt.Errorf("bench: connection %d: %w", i+1, err)
		}
		conns = append(conns, newWebConnection(o, names, i, nc))
	}
	return conns, nil
}

// namesOf numbers the names of requests.
func namesOf(requests []WebRequest) map[string]int {
	names := make(map[string]int)
	for _, q := range requests {
		if _, found := names[q.name]; !found {
			names[q.name] = len(names)
		}
	}
	return names
}
