package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

const (
	warmFor     = time.Second     // before the first measurement of a server
	floodAhead  = 2 * time.Second // the flood runs that long before good logins are measured
	floodRounds = 3
)

// The shapes of the load: many connections as from Dovecot's login processes, a
// few busy ones as from a proxy, and a botnet.
var (
	serial = shape{16, 1}
	piped  = shape{4, 32}
	flood  = shape{16, 64}
)

// results are all figures of a run.
type results struct {
	site   *site
	quiet  map[shape]map[string][]*bench.Result // by subject's name, one for each round
	doors  []*door
	floods []*flooded
	portal *portalResults
	large  *largeResults
	took   time.Duration

	loadBefore string
}

// flooded is a server under a flood.
type flooded struct {
	name    string
	scheme  string
	quiet   []*bench.Result
	during  []*bench.Result
	against []*bench.Result // the flood itself
}

// measure does all rounds.
func (s *site) measure(ctx context.Context) (*results, error) {
	began := time.Now()
	r := &results{site: s, loadBefore: loadAverage()}
	if err := s.measureQuiet(ctx, r); err != nil {
		return nil, err
	}
	var err error
	if r.doors, err = s.measureDoors(ctx); err != nil {
		return nil, fmt.Errorf("doors: %w", err)
	}
	for _, f := range s.floodPlans() {
		if err := s.measureFlood(ctx, f); err != nil {
			return nil, err
		}
		r.floods = append(r.floods, f.flooded)
	}
	if r.portal, err = s.measurePortal(ctx); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if r.large, err = s.measureLarge(ctx); err != nil {
		return nil, fmt.Errorf("a million accounts: %w", err)
	}
	r.took = time.Since(began)
	return r, nil
}

// measureQuiet lets all servers run and puts the load on one after the other.
func (s *site) measureQuiet(ctx context.Context, r *results) error {
	subjects := []subject{s.nothingSubject(), s.latchkeySubject()}
	if s.dovecot != "" {
		subjects = append(subjects, s.dovecotSubject())
	}
	running, stop, err := s.startWarm(ctx, subjects)
	defer stop()
	if err != nil {
		return err
	}
	r.quiet, err = s.takeTurns(ctx, s.rounds, subjects, running, func() error { return nil })
	return err
}

// startWarm starts servers one after the other and warms each. stop ends those that
// were started, also after an error.
func (s *site) startWarm(ctx context.Context, subjects []subject) (running map[string]*process, stop func(), err error) {
	running = make(map[string]*process)
	stop = func() {
		for _, p := range running {
			p.stop()
		}
	}
	for _, sub := range subjects {
		p, err := sub.start(ctx)
		if err != nil {
			return running, stop, err
		}
		running[sub.name] = p
		if _, err := s.good(ctx, p, sub.accounts, piped, warmFor); err != nil {
			return running, stop, err
		}
	}
	return running, stop, nil
}

// takeTurns puts the load, in both shapes, on one server after the other, in each
// round. after is called behind each turn.
func (s *site) takeTurns(ctx context.Context, rounds int, subjects []subject, running map[string]*process,
	after func() error) (map[shape]map[string][]*bench.Result, error) {
	figures := make(map[shape]map[string][]*bench.Result)
	for round := range rounds {
		for _, sh := range []shape{serial, piped} {
			if figures[sh] == nil {
				figures[sh] = make(map[string][]*bench.Result)
			}
			for _, sub := range subjects {
				got, err := s.good(ctx, running[sub.name], sub.accounts, sh, s.duration)
				if err != nil {
					return nil, err
				}
				figures[sh][sub.name] = append(figures[sh][sub.name], got)
				fmt.Printf("round %d  %-7v %-19s %8.0f logins/s  p99 %v\n", round+1, sh, sub.name, got.LoginsPerSecond, got.P99.Round(time.Microsecond))
				if err := after(); err != nil {
					return nil, err
				}
			}
		}
	}
	return figures, nil
}

// floodPlan is a server to flood and the names and wrong passwords to do it with.
type floodPlan struct {
	*flooded
	subject
	guesses string // accounts file
}

func (s *site) floodPlans() []floodPlan {
	const argon2id = "Argon2id, 19 MiB, t=2"
	plans := []floodPlan{{&flooded{name: "latchkey", scheme: argon2id}, s.latchkeySubject(), s.guesses}}
	if s.dovecot == "" {
		return plans
	}
	return append(plans,
		floodPlan{&flooded{name: "Dovecot", scheme: "{PLAIN}, none"}, s.dovecotSubject(), s.guesses},
		floodPlan{&flooded{name: "Dovecot", scheme: "SHA512-CRYPT, 5,000 rounds"}, s.dovecotHashedSubject("{CRYPT}" + sha512Crypt), s.guessesOfHashed},
		floodPlan{&flooded{name: "Dovecot", scheme: argon2id}, s.dovecotHashedSubject("{ARGON2ID}" + s.latchkeyFolder.mainHash), s.guessesOfHashed})
}

// measureFlood starts the server anew for each round: what a flood leaves behind
// in its queues is not to count against it a second time.
func (s *site) measureFlood(ctx context.Context, plan floodPlan) error {
	for round := range floodRounds {
		if err := s.floodOnce(ctx, plan); err != nil {
			return err
		}
		quiet, during := plan.quiet[round], plan.during[round]
		fmt.Printf("flood %d  %s (%s): %.0f logins/s, under flood %.0f, p99 %v and %v\n", round+1, plan.flooded.name, plan.scheme,
			quiet.LoginsPerSecond, during.LoginsPerSecond, quiet.P99.Round(time.Microsecond), during.P99.Round(time.Microsecond))
	}
	return nil
}

func (s *site) floodOnce(ctx context.Context, plan floodPlan) error {
	p, err := plan.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := s.good(ctx, p, plan.accounts, serial, warmFor); err != nil {
		return err
	}
	quiet, err := s.good(ctx, p, plan.accounts, serial, s.duration)
	if err != nil {
		return err
	}
	type outcome struct {
		result *bench.Result
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		r, err := s.load(ctx, p.socket, plan.guesses, flood, floodAhead+s.duration)
		ended <- outcome{r, err}
	}()
	select {
	case <-time.After(floodAhead):
	case <-ctx.Done():
	}
	during, err := s.load(ctx, p.socket, plan.accounts, serial, s.duration)
	against := <-ended
	if errors.Is(err, errNoAnswer) {
		during, err = &bench.Result{}, nil // so busy that it does not even greet: its figure is none
	}
	if err := errors.Join(err, against.err, ctx.Err()); err != nil {
		return fmt.Errorf("%s under flood: %w\n%s", p.name, err, p.said())
	}
	if during.Rejected+against.result.Accepted > 0 {
		return fmt.Errorf("%s rejected %d good logins and accepted %d guesses", p.name, during.Rejected, against.result.Accepted)
	}
	plan.quiet, plan.during = append(plan.quiet, quiet), append(plan.during, during)
	plan.against = append(plan.against, against.result)
	return nil
}

// median returns the middle one of the rounds' figures.
func median[T any](rounds []T, figure func(T) float64) float64 {
	var figures []float64
	for _, r := range rounds {
		figures = append(figures, figure(r))
	}
	return middle(figures)
}

func middle(figures []float64) float64 {
	slices.Sort(figures)
	n := len(figures)
	if n == 0 {
		return 0
	}
	return (figures[(n-1)/2] + figures[n/2]) / 2
}
