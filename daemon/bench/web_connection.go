package bench

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"
)

// webConnection is one connection and its share of the load. Only the goroutine
// in run uses it until that has returned.
type webConnection struct {
	nc       net.Conn
	in       *bufio.Reader
	pause    time.Duration
	ahead    time.Duration
	duration time.Duration
	left     int64 // requests still to send
	requests []WebRequest
	names    map[string]int
	next     int // the request whose turn it is

	latency []histogram // of answers with the status that was wanted, by number of name
	other   map[int]uint64
	ended   time.Time // when the last answer came that counts
}

func newWebConnection(o *WebOptions, names map[string]int, i int, nc net.Conn) *webConnection {
	c := &webConnection{
		nc: nc, in: bufio.NewReaderSize(nc, 16<<10),
		pause: o.Pause, ahead: o.Ahead, duration: o.Duration,
		left:     o.Most / int64(o.Connections),
		requests: o.Requests, names: names,
		next:    len(o.Requests) * i / o.Connections, // each begins elsewhere
		latency: make([]histogram, len(names)),
		other:   make(map[int]uint64),
	}
	if int64(i) < o.Most%int64(o.Connections) {
		c.left++
	}
	return c
}

// run drives the connection until its share is done or its time is over.
func (c *webConnection) run(ctx context.Context, start time.Time) error {
	stop := context.AfterFunc(ctx, func() { _ = c.nc.Close() }) // ends a read under way
	defer stop()
	from := start.Add(c.ahead)
	until := from.Add(c.duration)
	if err := c.nc.SetDeadline(until.Add(drainFor)); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	for now := time.Now(); now.Before(until) && c.left > 0; c.left-- {
		q := &c.requests[c.next]
		c.next = (c.next + 1) % len(c.requests)
		if _, err := c.nc.Write(q.bytes); err != nil {
			return fmt.Errorf("bench: %s: %w", q.name, err)
		}
		status, err := readAnswer(c.in)
		if err != nil {
			return fmt.Errorf("bench: %s: %w", q.name, err)
		}
		answered := time.Now()
		if !now.Before(from) {
			c.count(q, status, now, answered)
		}
		now = c.rest(ctx, answered)
	}
	return nil
}

func (c *webConnection) count(q *WebRequest, status int, sent, answered time.Time) {
	c.ended = answered
	if status != q.status {
		c.other[status]++
		return
	}
	c.latency[c.names[q.name]].add(answered.Sub(sent))
}

// rest makes the pause, and returns when it is over.
func (c *webConnection) rest(ctx context.Context, now time.Time) time.Time {
	if c.pause == 0 {
		return now
	}
	select {
	case <-time.After(c.pause):
	case <-ctx.Done():
	}
	return time.Now()
}
