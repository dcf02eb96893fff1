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

// profile prints what latchkey spends its CPU time on, under each shape of load.
func profile(ctx context.Context, o *options, dir string) error {
	f, err := makeLatchkey(ctx, dir)
	if err != nil {
		return err
	}
	s := &site{options: o, dir: dir, latchkeyFolder: f, appPasswords: filepath.Join(dir, "app-passwords")}
	if err := os.WriteFile(s.appPasswords, f.accounts, 0o600); err != nil {
		return err
	}
	for _, sh := range []shape{serial, piped} {
		file := filepath.Join(dir, "cpu")
		if err := s.profileOne(ctx, sh, file); err != nil {
			return err
		}
		top := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=45", o.latchkey, file)
		top.Stdout, top.Stderr = os.Stdout, os.Stderr
		if err := top.Run(); err != nil {
			return fmt.Errorf("go tool pprof: %w", err)
		}
	}
	return nil
}

// profileOne writes the profile of a whole life of the daemon to file.
func (s *site) profileOne(ctx context.Context, sh shape, file string) error {
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
	return nil
}
