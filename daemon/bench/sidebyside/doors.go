package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

const (
	doorRounds = 3 // at most
	// scramAccounts have keys for SCRAM and log in by it. To derive them takes
	// milliseconds for each app password, here and once more for each load.
	scramAccounts = 100
)

// door is a way to ask latchkey about a login.
type door struct {
	name string // as the report has it
	run  func(context.Context, bench.Options) (*bench.Result, error)
	load bench.Options // without a duration

	rounds []*bench.Result
}

func (s *site) doorRounds() int { return min(doorRounds, s.rounds) }

// doorSettings open the doors that are closed by default.
const doorSettings = `[auth]
mechanisms = ["PLAIN", "LOGIN", "SCRAM-SHA-256"]
[[listener]]
address = %q
kind = "client"
[[listener]]
path = %q
kind = "saslauthd"
[[listener]]
path = %q
kind = "nginx"
[nginx.imap]
server = "127.0.0.1"
`

// doorPlaces are where the sockets are that doorSettings open.
type doorPlaces struct{ address, saslauthd, nginx string }

// prepareDoors writes a configuration of the folder with all doors in it.
func (f *latchkeyFolder) prepareDoors(config string) (doorPlaces, error) {
	address, err := freePort()
	if err != nil {
		return doorPlaces{}, err
	}
	at := doorPlaces{address, filepath.Join(f.run, "saslauthd"), filepath.Join(f.run, "nginx")}
	return at, f.configure(config, fmt.Sprintf(doorSettings, at.address, at.saslauthd, at.nginx))
}

// startDoors starts latchkey with all of its doors open.
func (s *site) startDoors(ctx context.Context) (*process, []*door, error) {
	f := s.latchkeyFolder
	config := filepath.Join(s.dir, "doors.toml")
	at, err := f.prepareDoors(config)
	if err != nil {
		return nil, nil, err
	}
	doors, err := f.doors(at)
	if err != nil {
		return nil, nil, err
	}
	p, err := startProcess(ctx, s.dir, "doors", f.socket, s.latchkey, "serve", "--config", config)
	if err != nil {
		return nil, nil, err
	}
	for place, network := range map[string]string{at.address: "tcp", at.saslauthd: "unix", at.nginx: "unix"} {
		if err := p.waitFor(ctx, network, place); err != nil {
			p.stop()
			return nil, nil, err
		}
	}
	return p, doors, nil
}

// doors are all of them, the one that the others are compared with first.
func (f *latchkeyFolder) doors(at doorPlaces) ([]*door, error) {
	accounts, err := bench.ReadAccounts(bytes.NewReader(f.accounts))
	if err != nil {
		return nil, err
	}
	load := func(o bench.Options) bench.Options {
		o.Connections, o.InFlight, o.Service = serial.connections, serial.inFlight, "imap"
		return o
	}
	few := accounts[:min(len(accounts), scramAccounts*appPasswordsOfEach)]
	return []*door{
		{name: "PLAIN", run: bench.Run, load: load(bench.Options{Socket: f.socket, Mechanism: "PLAIN", Accounts: accounts})},
		{name: "LOGIN", run: bench.Run, load: load(bench.Options{Socket: f.socket, Mechanism: "LOGIN", Accounts: accounts})},
		{name: "SCRAM-SHA-256", run: bench.Run, load: load(bench.Options{Socket: f.socket, Mechanism: "SCRAM-SHA-256", Accounts: few})},
		{name: "PLAIN over TCP", run: bench.Run, load: load(bench.Options{Address: at.address, Mechanism: "PLAIN", Accounts: accounts})},
		{name: "saslauthd", run: bench.RunSaslauthd, load: load(bench.Options{Socket: at.saslauthd, Mechanism: "PLAIN", Accounts: accounts})},
		{name: "nginx auth_http", run: bench.RunNginx, load: load(bench.Options{Socket: at.nginx, Mechanism: "PLAIN", Accounts: accounts})},
	}, nil
}

// measureDoors puts the load on one door after the other.
func (s *site) measureDoors(ctx context.Context) ([]*door, error) {
	p, doors, err := s.startDoors(ctx)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	for _, d := range doors {
		if _, err := d.ask(ctx, warmFor); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, p.said())
		}
	}
	for round := range s.doorRounds() {
		for _, d := range doors {
			got, err := d.ask(ctx, s.duration)
			if err != nil {
				return nil, fmt.Errorf("%w\n%s", err, p.said())
			}
			d.rounds = append(d.rounds, got)
			fmt.Printf("round %d  %-16s %8.0f logins/s  p99 %v\n", round+1, d.name, got.LoginsPerSecond, got.P99.Round(time.Microsecond))
		}
	}
	return doors, nil
}

// ask puts the load on the door; all logins must pass.
func (d *door) ask(ctx context.Context, howLong time.Duration) (*bench.Result, error) {
	load := d.load
	load.Duration = howLong
	r, err := d.run(ctx, load)
	if err == nil && (r.Accepted == 0 || r.Accepted != r.Answered() || r.Unanswered > 0) {
		err = fmt.Errorf("of %d logins %d passed, and %d had no answer", r.Answered(), r.Accepted, r.Unanswered)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return r, nil
}
