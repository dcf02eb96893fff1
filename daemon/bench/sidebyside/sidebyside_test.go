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
	if err := p.waitForSocket(ctx); err != nil {
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
	}
	path := filepath.Join(t.TempDir(), "report")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| latchkey | 31 | 1.55 × | 0.62 × | 1.00 ms | 2.00 ms | 3.00 ms |",
		"| Dovecot, slow | 100 | none: no greeting within 10 s | 0 % |",
		"| 16 × 1, of Dovecot | 1.50 | 1.55 | met |",
		"| 16 × 1, of do nothing | 0.60 | 0.62 | met |",
		"| 4 × 32, of Dovecot | 4.00 | 3.00 | **missed** |",
		"| rate kept under flood | 0.80 | 0.81 | met |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("missing: %s\nin\n%s", want, text)
		}
	}
}
