package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// ask puts one login to a door on a connection of its own and reads the answer. An
// error means that there was none.
type ask func(ctx context.Context, nc net.Conn, account int) (verdict, error)

// checkOnce checks a load for a door that takes one login on each connection.
func (o *Options) checkOnce() error {
	if err := o.check(); err != nil {
		return err
	}
	switch {
	case o.InFlight != 1:
		return fmt.Errorf("%w: this door has one login in flight on a connection", ErrOptions)
	case o.Mechanism != "PLAIN":
		return fmt.Errorf("%w: this door knows passwords only", ErrOptions)
	}
	return nil
}

// visitor makes one connection after the other and puts one login on each. Only
// the goroutine in run uses it until that has returned.
type visitor struct {
	options *Options
	ask     ask
	left    int64
	next    int // the account whose turn it is
	tally
}

// runOnce puts the load on a door that takes one login on each connection. The age
// of an answer is counted from before its connection is made.
func runOnce(ctx context.Context, o *Options, ask ask) (*Result, error) {
	if o.Duration == 0 {
		o.Duration = MaxDuration
	}
	visitors := make([]*visitor, o.Connections)
	tallies := make([]*tally, o.Connections)
	for i := range visitors {
		v := &visitor{options: o, ask: ask, left: o.share(i), next: o.firstAccount(i)}
		visitors[i], tallies[i] = v, &v.tally
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	var running sync.WaitGroup
	for _, v := range visitors {
		running.Go(func() {
			if err := v.run(ctx, start); err != nil {
				cancel(err) // only the first counts
			}
		})
	}
	running.Wait()
	return total(o, tallies, start), context.Cause(ctx)
}

// run goes on until the visitor's share is done or its time is over.
func (v *visitor) run(ctx context.Context, start time.Time) error {
	stop := start.Add(v.options.Duration)
	for now := start; now.Before(stop) && v.left > 0 && ctx.Err() == nil; v.left-- {
		account := v.next
		v.next = (v.next + 1) % len(v.options.Accounts)
		answer, err := v.visit(ctx, account, stop.Add(drainFor))
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			v.unanswered = 1
			return nil
		}
		if err != nil {
			v.unanswered = 1
			return fmt.Errorf("bench: after %d answers: %w", v.latency.n, noAnswer(err))
		}
		answered := time.Now()
		v.count(answer, now, answered)
		now = answered
	}
	return nil
}

// noAnswer says what the end of a connection means where an answer was awaited.
func noAnswer(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed a connection without an answer")
	}
	return err
}

// visit asks once.
func (v *visitor) visit(ctx context.Context, account int, until time.Time) (verdict, error) {
	nc, err := v.options.dial(ctx)
	if err != nil {
		return undecided, err
	}
	defer nc.Close()                                          // closed connections may be closed again
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() }) // ends a read under way
	defer stop()
	if err := nc.SetDeadline(until); err != nil {
		return undecided, err
	}
	return v.ask(ctx, nc, account)
}
