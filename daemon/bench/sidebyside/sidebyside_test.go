package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

func TestDoNothingAnswersEverything(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "nothing")
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serveNothing(ctx, socket) }()
	p := &process{name: "do-nothing", socket: socket, done: make(chan struct{})}
	if err := p.waitFor(ctx, "unix", socket); err != nil {
		t.Fatal(err)
	}
	r, err := bench.Run(ctx, bench.Options{
		Socket: socket, Connections: 3, InFlight: 20, Logins: 5000, Service: "imap", Mechanism: "PLAIN",
		Accounts: []bench.Account{bench.NewAccount("u", "p")},
	})
	if err != nil || r.Accepted != 5000 {
		t.Errorf("%+v, %v", r, err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("serveNothing: %v", err)
	}
}

// web is a round of requests that all took as long, by name or all together.
func web(perSecond float64, age time.Duration, others uint64, names ...string) *bench.WebResult {
	ages := bench.Ages{Count: 1, P50: age / 4, P99: age, P999: 2 * age, Max: 3 * age}
	r := &bench.WebResult{Elapsed: 2 * time.Second, PerSecond: perSecond, All: ages, Named: map[string]bench.Ages{}, Other: map[int]uint64{503: others}}
	for _, name := range names {
		r.Named[name] = ages
	}
	return r
}

// portalFigures are three rounds on the portal. In the middle of them the hash workers
// had half the machine.
func portalFigures(slowest time.Duration) *portalResults {
	view := func(perSecond float64, age time.Duration) *bench.WebResult {
		r := web(perSecond, age, 0, pages()...)
		r.Named["/devices"] = bench.Ages{P50: age, P99: slowest, P999: slowest, Max: slowest}
		return r
	}
	round := func(alone, signIns, quiet, during float64) signInRound {
		return signInRound{alone: alone, signIns: web(signIns, 400*time.Millisecond, 0), quiet: figure(quiet), during: figure(during), meanwhile: web(7, time.Second, 5)}
	}
	return &portalResults{
		views: map[viewing][]*bench.WebResult{
			few():       {view(3000, 2*time.Millisecond), view(1000, time.Second), view(3100, 2*time.Millisecond)},
			fewBeside(): {view(500, 3*time.Millisecond)},
			many():      {view(3200, 40*time.Millisecond), view(3200, 40*time.Millisecond), view(3200, 40*time.Millisecond)},
		},
		signIns: []signInRound{round(50, 48, 1000, 800), round(25, 22, 900, 900), round(52, 47.5, 1000, 820)},
	}
}

// figure is a round in which everything took its time.
func figure(rate float64) *bench.Result {
	return &bench.Result{LoginsPerSecond: rate, P50: time.Millisecond, P99: 2 * time.Millisecond, P999: 3 * time.Millisecond}
}

func TestReportDoesNotHideAMiss(t *testing.T) {
	r := &results{
		site: &site{options: &options{rounds: 3}, dovecot: "dovecot", dovecotVersion: "2.3.19"},
		quiet: map[shape]map[string][]*bench.Result{
			serial: {
				"latchkey":   {figure(90), figure(30), figure(31)}, // 9, 1.5 and 1.55 times Dovecot
				"Dovecot":    {figure(10), figure(20), figure(20)},
				"do nothing": {figure(100), figure(50), figure(50)},
			},
			piped: {"latchkey": {figure(30)}, "Dovecot": {figure(10)}, "do nothing": {figure(500)}},
		},
		floods: []*flooded{
			{name: "latchkey", scheme: "slow", quiet: []*bench.Result{figure(100)}, during: []*bench.Result{figure(81)}, against: []*bench.Result{figure(5)}},
			{name: "Dovecot", scheme: "slow", quiet: []*bench.Result{figure(100)}, during: []*bench.Result{{}}, against: []*bench.Result{{}}},
		},
		portal: portalFigures(5 * time.Millisecond),
		large:  largeFigures(),
		doors: []*door{
			{name: "PLAIN", rounds: []*bench.Result{figure(90), figure(30), figure(31)}},
			{name: "nginx auth_http", rounds: []*bench.Result{figure(9), figure(6), figure(6)}},
		},
	}
	text := written(t, r)
	for _, want := range []string{
		"| PLAIN | 31 |  | 1.00 ms | 2.00 ms |",
		"| nginx auth_http | 6 | 0.19 × | 1.00 ms | 2.00 ms |",
		"### About the targets",
		"| latchkey | 31 | 1.55 × | 0.62 × | 1.00 ms | 2.00 ms | 3.00 ms |",
		"| Dovecot, slow | 100 | none: no greeting within 10 s | 0 % |",
		"| 16 × 1, of Dovecot | 1.50 | 1.55 | met |",
		"| 16 × 1, of do nothing | 0.60 | 0.62 | met |",
		"| 4 × 32, of Dovecot | 4.00 | 3.00 | **missed** |",
		"| rate kept under flood | 0.80 | 0.81 | met |",
		"| 4, /security |  | 0.50 ms | 2.00 ms | 4.00 ms | 6.00 ms |",
		"| 4, all | 3000 | 0.50 ms | 2.00 ms | 4.00 ms | 6.00 ms |",
		"| 16 flat out, all | 3200 | 10.00 ms | 40.00 ms | 80.00 ms | 120.00 ms |",
		"| hash workers alone | 50.0 |",
		"| sign-ins | 47.5 | 0.91 × | 0.0/s | 100 ms | 400 ms |",
		"| quiet | 1000 | | 2.00 ms | 0 ms | | |",
		"| while people sign in | 820 | 82 % | 2.00 ms | 0 ms | 7.0 | 2.5/s |",
		"| p99 of the slowest page, ms at most; connections: 4 | 5.00 | 5.00 | met |",
		"| sign-ins, of the hash workers alone | 0.90 | 0.91 | met |",
		"| 16 × 1, latchkey, 1,000,000 | 760 | 1.52 × | 0.76 × | 1.00 ms | 2.00 ms | 3.00 ms |",
		"| 16 × 1, latchkey, 1,000 | 1000 | 2.00 × |  | 1.00 ms |",
		"| 16 × 1, Dovecot | 500 |  |  | 1.00 ms |",
		"- Start: 900 ms from the start of the process to the greeting on its socket (median of 3; the slowest 2000 ms).",
		"- Memory: a heap of 127 MiB",
		"| `latchkey export` | 12.0 s | 79 % | 2.00 ms | 2.00 ms |",
		"| a million accounts, 16 × 1, of Dovecot | 1.20 | 1.52 | met |",
		"| a million accounts, 16 × 1, of latchkey, 1,000 | 0.75 | 0.76 | met |",
		"| a million accounts, 4 × 32, of Dovecot | 2.00 | 1.00 | **missed** |",
		"| a million accounts, seconds to fill them in, at most | 300.00 | 301.00 | **missed** |",
		"| a million accounts, seconds to start, at most | 1.00 | 0.90 | met |",
		"| a million accounts, MiB of heap, at most | 128.00 | 127.00 | met |",
		"| rate kept beside `latchkey export` | 0.80 | 0.79 | **missed** |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s\nin\n%s", want, text)
		}
	}
	r.portal = portalFigures(5010 * time.Microsecond)
	for i := range r.portal.signIns {
		r.portal.signIns[i].signIns.PerSecond *= 0.9
	}
	r.quiet[piped] = nil
	text = written(t, r)
	for _, want := range []string{
		"| p99 of the slowest page, ms at most; connections: 4 | 5.00 | 5.01 | **missed** |",
		"| sign-ins, of the hash workers alone | 0.90 | 0.82 | **missed** |",
		"| 4 × 32, of Dovecot | 4.00 | | not measured |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s\nin\n%s", want, text)
		}
	}
}

// written is the report.
func written(t *testing.T, r *results) string {
	t.Helper()
	return string(r.report())
}
