package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// mostSignIns bounds one load, whatever its duration.
const mostSignIns = 100_000

// signInRound is what is measured one after the other, to be compared.
type signInRound struct {
	alone     float64 // matches a second, of hash workers with nothing around them
	signIns   *bench.WebResult
	quiet     *bench.Result    // the mail doors
	during    *bench.Result    // the mail doors while sign-ins run flat out
	meanwhile *bench.WebResult // those sign-ins
}

func (s *site) measureSignIns(ctx context.Context, p *portal, running *process, r *portalResults) error {
	signIns, err := p.signIns()
	if err != nil {
		return err
	}
	load := bench.WebOptions{Addr: p.addr, Connections: signInConnections(), Ahead: ahead, Duration: s.duration, Most: mostSignIns, Requests: signIns}
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
