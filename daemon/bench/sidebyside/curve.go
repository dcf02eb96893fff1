package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// curveSizes are the numbers of accounts of the curve. The first is what the others
// are compared with.
var curveSizes = []int{1_000, 10_000, 100_000, 1_000_000, 10_000_000}

const curveRounds = 3 // at most

// curve is what becomes of latchkey with more and more accounts.
type curve struct {
	points []*point
	took   time.Duration
}

// point is one size, and what the smallest one did in the same rounds.
type point struct {
	*sized
	rounds    map[shape][]*bench.Result
	reference map[shape][]*bench.Result
}

// measureCurve does all sizes, one after the other: there is room for one large
// database only.
func (s *site) measureCurve(ctx context.Context) (*curve, error) {
	began := time.Now()
	c := new(curve)
	smallest, err := s.makeSized(ctx, curveSizes[0])
	if err != nil {
		return nil, err
	}
	for _, n := range curveSizes[:min(s.sizes, len(curveSizes))] {
		p, err := s.measurePoint(ctx, smallest, n)
		if err != nil {
			return nil, fmt.Errorf("%s accounts: %w", grouped(n), err)
		}
		c.points = append(c.points, p)
	}
	c.took = time.Since(began)
	return c, nil
}

func (s *site) measurePoint(ctx context.Context, smallest *sized, n int) (*point, error) {
	z := smallest
	if n != smallest.accounts {
		var err error
		if z, err = s.makeSized(ctx, n); err != nil {
			return nil, err
		}
		defer os.RemoveAll(z.folder.data)
	}
	if err := z.measureStartUps(ctx, s); err != nil {
		return nil, err
	}
	running, err := z.subject(s).start(ctx)
	if err != nil {
		return nil, err
	}
	defer running.stop()
	if err := z.warm(ctx, s, running); err != nil {
		return nil, err
	}
	p := &point{sized: z, rounds: make(map[shape][]*bench.Result), reference: make(map[shape][]*bench.Result)}
	other := running
	if z != smallest {
		if other, err = smallest.subject(s).start(ctx); err != nil {
			return nil, err
		}
		defer other.stop()
		if err := smallest.warm(ctx, s, other); err != nil {
			return nil, err
		}
	}
	for range min(curveRounds, s.rounds) {
		for _, sh := range []shape{serial, piped} {
			if err := running.settle(ctx); err != nil {
				return nil, err
			}
			reference, err := smallest.loaded(ctx, s, other, sh, s.duration)
			if err != nil {
				return nil, err
			}
			got, err := z.loaded(ctx, s, running, sh, s.duration)
			if err != nil {
				return nil, err
			}
			p.rounds[sh], p.reference[sh] = append(p.rounds[sh], got), append(p.reference[sh], reference)
		}
	}
	fmt.Printf("%10s accounts in %v: %d MiB, start %v, heap %d and memory %d MiB, %.2f and %.2f of the rate with %s\n", grouped(n), z.seeded.Round(time.Second),
		z.file>>20, middleOf(z.startUps).Round(time.Millisecond), z.heap>>20, z.private>>20, p.ratio(serial), p.ratio(piped), grouped(smallest.accounts))
	return p, nil
}

func (p *point) ratio(sh shape) float64 { return ratio(p.rounds[sh], p.reference[sh]) }

// middleOf is the median of some durations.
func middleOf(list []time.Duration) time.Duration {
	return time.Duration(median(list, func(d time.Duration) float64 { return float64(d) }))
}
