package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

const (
	portalRounds = 3           // at most
	ahead        = time.Second // a load on the portal runs that long before it is measured
)

// The loads of page views, by connections: some people at a time, and as many
// as the machine can serve.
const (
	fewViewers  = 4
	manyViewers = 32
)

// portalResults are the figures of the portal, one for each round.
type portalResults struct {
	views   map[int][]*bench.WebResult // by connections
	signIns []signInRound
}

// signInRound is what is measured one after the other, to be compared.
type signInRound struct {
	alone     float64 // matches a second, of hash workers with nothing around them
	signIns   *bench.WebResult
	quiet     *bench.Result    // the mail doors
	during    *bench.Result    // the mail doors while sign-ins run flat out
	meanwhile *bench.WebResult // those sign-ins
}

func (s *site) portalRounds() int { return min(portalRounds, s.rounds) }

// measurePortal does all rounds on the portal.
func (s *site) measurePortal(ctx context.Context) (*portalResults, error) {
	p, err := makePortal(ctx, filepath.Join(s.dir, "portal"))
	if err != nil {
		return nil, err
	}
	running, err := s.startPortal(ctx, p)
	if err != nil {
		return nil, err
	}
	defer running.stop()
	r := &portalResults{views: make(map[int][]*bench.WebResult)}
	if err := s.measureViews(ctx, p, r); err != nil {
		return nil, fmt.Errorf("pages: %w\n%s", err, running.said())
	}
	if err := s.measureSignIns(ctx, p, running, r); err != nil {
		return nil, fmt.Errorf("sign-ins: %w\n%s", err, running.said())
	}
	return r, nil
}

func (s *site) measureViews(ctx context.Context, p *portal, r *portalResults) error {
	views, err := p.views()
	if err != nil {
		return err
	}
	for round := range s.portalRounds() {
		for _, connections := range []int{fewViewers, manyViewers} {
			got, err := bench.RunWeb(ctx, bench.WebOptions{Addr: p.addr, Connections: connections, Ahead: ahead, Duration: s.duration, Requests: views})
			if err == nil && got.Others() > 0 {
				err = fmt.Errorf("not all pages were shown: %v", got.Other)
			}
			if err != nil {
				return err
			}
			r.views[connections] = append(r.views[connections], got)
			fmt.Printf("round %d  %d viewers  %8.0f pages/s  p99 %v\n", round+1, connections, got.PerSecond, got.All.P99.Round(time.Microsecond))
		}
	}
	return nil
}

func (s *site) measureSignIns(ctx context.Context, p *portal, running *process, r *portalResults) error {
	signIns, err := p.signIns()
	if err != nil {
		return err
	}
	load := bench.WebOptions{Addr: p.addr, Connections: signInConnections(), Ahead: ahead, Duration: s.duration, Requests: signIns}
	if _, err := s.good(ctx, running, p.appFile, serial, warmFor); err != nil {
		return err
	}
	for n := range s.portalRounds() {
		var round signInRound
		if round.alone, err = hashersAlone(ctx, s.latchkey, p.mainHash, s.duration); err != nil {
			return err
		}
		if round.signIns, err = bench.RunWeb(ctx, load); err != nil {
			return err
		}
		if round.quiet, err = s.good(ctx, running, p.appFile, serial, s.duration); err != nil {
			return err
		}
		if err := s.during(ctx, p, running, load, &round); err != nil {
			return err
		}
		r.signIns = append(r.signIns, round)
		fmt.Printf("round %d  %.1f sign-ins/s of %.1f hashes/s; %.0f logins/s, while signing in %.0f (and %.1f sign-ins/s), p99 %v and %v\n", n+1,
			round.signIns.PerSecond, round.alone, round.quiet.LoginsPerSecond, round.during.LoginsPerSecond, round.meanwhile.PerSecond,
			round.quiet.P99.Round(time.Microsecond), round.during.P99.Round(time.Microsecond))
	}
	return nil
}

// during measures the mail doors while sign-ins run flat out.
func (s *site) during(ctx context.Context, p *portal, running *process, load bench.WebOptions, round *signInRound) error {
	ended := make(chan error, 1)
	go func() {
		var err error
		round.meanwhile, err = bench.RunWeb(ctx, load)
		ended <- err
	}()
	select {
	case <-time.After(ahead):
	case <-ctx.Done():
	}
	during, err := s.good(ctx, running, p.appFile, serial, s.duration)
	round.during = during
	return errors.Join(err, <-ended)
}
