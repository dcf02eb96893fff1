package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/latchkey-mail/latchkey/daemon/harness"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// crowd says who is who among the accounts of the portal's folder: the first have
// mail programs that log in, the last look at pages, those between sign in over
// and over.
type crowd struct{ all, mail, viewers int }

// university is the crowd that is measured.
func university() crowd { return crowd{all: 10_000, mail: accountCount, viewers: 48} }

func (c crowd) firstViewer() int { return c.all - c.viewers }

// portal is a data folder with a crowd in it, and the portal over it.
type portal struct {
	*latchkeyFolder
	crowd        crowd
	addr         string // host and port
	mailPrograms []byte // accounts for latchkey bench
	appFile      string // with those in it
	viewers      []viewer
}

// makePortal fills the folder.
func makePortal(ctx context.Context, dir string, who crowd) (*portal, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &portal{crowd: who, addr: addr, appFile: filepath.Join(dir, "app-passwords")}
	c := contents{
		accounts: who.all,
		settings: fmt.Sprintf("[portal]\nlisten = %q\nurl = \"http://%s\"\ntrusted_proxies = [\"127.0.0.1\"]\n", addr, addr),
		more: func(ctx context.Context, st *store.Store, keys *secret.Keys) error {
			if err := p.bindViewers(ctx, st, keys); err != nil {
				return err
			}
			return p.remember(ctx, st)
		},
	}
	if p.latchkeyFolder, err = makeLatchkey(ctx, dir, c); err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(p.accounts, []byte("\n"))
	p.mailPrograms = bytes.Join(lines[:who.mail*appPasswordsOfEach], nil)
	return p, os.WriteFile(p.appFile, p.mailPrograms, 0o600)
}

// freePort is an address of this machine that nobody listens on. It is kept for as
// long as this process lasts.
func freePort() (string, error) {
	port, _, err := harness.ReservePort()
	return "127.0.0.1:" + port, err
}

// startPortal starts the daemon and lets the viewers sign in.
func (s *site) startPortal(ctx context.Context, p *portal, flags ...string) (*process, error) {
	running, err := startProcess(ctx, s.dir, "portal", p.socket, s.latchkey, append([]string{"serve", "--config", p.config}, flags...)...)
	if err != nil {
		return nil, err
	}
	if err := running.waitFor(ctx, "tcp", p.addr); err != nil {
		running.stop()
		return nil, err
	}
	if err := p.enter(ctx); err != nil {
		running.stop()
		return nil, fmt.Errorf("portal: %w\n%s", err, running.said())
	}
	return running, nil
}
