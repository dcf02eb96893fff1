package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// jobsForEach hash worker wait at any time: none ever waits for work, and no job
// so long that the daemon would give it up.
const jobsForEach = 8

// signInConnections are as many as the daemon's hash workers want.
func signInConnections() int { return jobsForEach * runtime.NumCPU() }

// hashersAlone is how many main passwords a second as many hash workers match as
// the daemon has, of the same program and at the same priority, with nothing
// around them.
func hashersAlone(ctx context.Context, exe, stored string, d time.Duration) (float64, error) {
	pool, err := hasher.New(hasher.Options{Exe: exe, Budget: atMost[partSpeed], Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	_, err = feed(ctx, pool, stored, ahead) // they start, and fault their memory in
	var rate float64
	if err == nil {
		rate, err = feed(ctx, pool, stored, d)
	}
	return rate, errors.Join(err, pool.Close())
}

// feed keeps the workers of a pool busy for d and returns how many jobs they did
// in a second.
func feed(ctx context.Context, pool *hasher.Pool, stored string, d time.Duration) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	var done atomic.Int64
	var feeding sync.WaitGroup
	for i := range signInConnections() {
		feeding.Go(func() {
			for time.Since(start) < d {
				if err := hashOne(ctx, pool, stored, i); err != nil {
					cancel(err) // only the first counts
					return
				}
				done.Add(1)
			}
		})
	}
	feeding.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), context.Cause(ctx)
}

func hashOne(ctx context.Context, pool *hasher.Pool, stored string, i int) error {
	ticket, room := pool.Reserve(hasher.Portal, policy.Network(home(i)))
	if !room {
		return hasher.ErrBusy
	}
	right, err := ticket.Match(ctx, stored, secret.New(mainPassword))
	if err == nil && !right {
		err = errors.New("a hash worker says that the right password is wrong")
	}
	return err
}
