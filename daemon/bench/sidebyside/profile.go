package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const profileFor = 10 * time.Second

// profile prints what latchkey spends its CPU time on, under each shape of load
// and under page views.
func profile(ctx context.Context, o *options, dir string) error {
	f, err := makeLatchkey(ctx, dir, contents{accounts: accountCount})
	if err != nil {
		return err
	}
	s := &site{options: o, dir: dir, latchkeyFolder: f, appPasswords: filepath.Join(dir, "app-passwords")}
	if err := os.WriteFile(s.appPasswords, f.accounts, 0o600); err != nil {
		return err
	}
	for _, sh := range []shape{serial, piped} {
		if err := s.profileLogins(ctx, sh); err != nil {
			return err
		}
	}
	return s.profilePages(ctx)
}

// profileLogins profiles a whole life of the daemon under logins.
func (s *site) profileLogins(ctx context.Context, sh shape) error {
	file := filepath.Join(s.dir, "cpu")
	p, err := startProcess(ctx, s.dir, "latchkey", s.latchkeyFolder.socket, s.latchkey,
		"serve", "--config", s.latchkeyFolder.config, "--cpuprofile", file)
	if err != nil {
		return err
	}
	r, err := s.good(ctx, p, s.appPasswords, sh, profileFor)
	p.stop() // writes the profile
	if err != nil {
		return err
	}
	fmt.Printf("\n%v: %.0f logins/s while profiled\n\n", sh, r.LoginsPerSecond)
	return s.top(ctx, file)
}

// profilePages profiles it under page views.
func (s *site) profilePages(ctx context.Context) error {
	p, err := makePortal(ctx, filepath.Join(s.dir, "portal"), university())
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "cpu")
	running, err := s.startPortal(ctx, p, "--cpuprofile", file)
	if err != nil {
		return err
	}
	r, err := p.view(ctx, many(), profileFor)
	running.stop() // writes the profile
	if err != nil {
		return err
	}
	fmt.Printf("\nviewers %v: %.0f pages/s while profiled\n\n", many(), r.PerSecond)
	return s.top(ctx, file)
}

// top prints where the time of a profile went.
func (s *site) top(ctx context.Context, file string) error {
	top := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=45", s.latchkey, file)
	top.Stdout, top.Stderr = os.Stdout, os.Stderr
	if err := top.Run(); err != nil {
		return fmt.Errorf("go tool pprof: %w", err)
	}
	return nil
}
