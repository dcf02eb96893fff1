package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// Bounds of one load, whatever its duration.
const (
	mostViews    = 10_000_000
	mostTrickled = 1_000_000
)

// viewing is a load of page views.
type viewing struct {
	connections int
	pause       time.Duration // between pages, as people make it
	logins      int           // a second, at the mail doors meanwhile
}

// The loads of page views: people who look at what they opened, the same on a day
// with mail in it, and as many as the machine can serve.
func few() viewing       { return viewing{connections: 4, pause: 10 * time.Millisecond} }
func fewBeside() viewing { return viewing{connections: 4, pause: 10 * time.Millisecond, logins: 100} }
func many() viewing      { return viewing{connections: 16} }

func viewings() []viewing { return []viewing{few(), fewBeside(), many()} }

// String names the load as the report does.
func (v viewing) String() string {
	switch {
	case v.pause == 0:
		return fmt.Sprintf("%d flat out", v.connections)
	case v.logins > 0:
		return fmt.Sprintf("%d, beside %d logins/s", v.connections, v.logins)
	}
	return strconv.Itoa(v.connections)
}

func (s *site) measureViews(ctx context.Context, p *portal, r *portalResults) error {
	for round := range s.portalRounds() {
		for _, v := range viewings() {
			got, err := p.view(ctx, v, s.duration)
			if err != nil {
				return err
			}
			r.views[v] = append(r.views[v], got)
			fmt.Printf("round %d  viewers %-24v %8.0f pages/s  p99 %v\n", round+1, v, got.PerSecond, got.All.P99.Round(time.Microsecond))
		}
	}
	return nil
}

// view has all pages of all viewers opened in turn, and all of them shown.
func (p *portal) view(ctx context.Context, v viewing, d time.Duration) (*bench.WebResult, error) {
	requests, err := p.views()
	if err != nil {
		return nil, err
	}
	trickling, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := p.trickle(trickling, v.logins, mostTrickled)
		ended <- err
	}()
	got, err := bench.RunWeb(ctx, bench.WebOptions{Addr: p.addr, Connections: v.connections, Pause: v.pause, Ahead: ahead, Duration: d,
		Most: mostViews, Requests: requests})
	stop()
	if err = errors.Join(err, <-ended); err == nil && got.Others() > 0 {
		err = fmt.Errorf("not all pages were shown: %v", got.Other)
	}
	return got, err
}

// bursts of logins in a second; what comes between them is too short to matter.
const bursts = 20

// trickle lets mail programs log in, so many in a second and each in its turn,
// until ctx ends or there were most of them. It returns how many there were.
func (p *portal) trickle(ctx context.Context, perSecond, most int) (int, error) {
	if perSecond == 0 {
		return 0, nil
	}
	accounts, err := bench.ReadAccounts(bytes.NewReader(p.mailPrograms))
	if err != nil {
		return 0, err
	}
	tick := time.NewTicker(time.Second / bursts)
	defer tick.Stop()
	burst := perSecond / bursts
	for n := 0; n < most; n += burst {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, nil
		}
		from := n % (len(accounts) - burst + 1)
		r, err := bench.Run(ctx, bench.Options{Socket: p.socket, Connections: 1, InFlight: 1, Logins: int64(burst),
			Accounts: accounts[from : from+burst], Service: "imap", Mechanism: "PLAIN"})
		if ctx.Err() != nil {
			return n, nil
		}
		if err == nil && r.Accepted != uint64(burst) {
			err = fmt.Errorf("of %d logins %d passed", burst, r.Accepted)
		}
		if err != nil {
			return n, err
		}
	}
	return most, nil
}
