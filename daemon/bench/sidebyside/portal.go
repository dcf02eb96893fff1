package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Who is who among the accounts of the portal's folder. The first accountCount
// have mail programs that log in, the last look at pages, the others sign in
// over and over.
const (
	portalAccounts = 10_000
	viewerCount    = 48
	firstSignIn    = accountCount
	firstViewer    = portalAccounts - viewerCount
)

// portal is a data folder of the size of a university, and the portal over it.
type portal struct {
	*latchkeyFolder
	addr    string // host and port
	appFile string // accounts for latchkey bench
	viewers []viewer
}

// makePortal fills the folder.
func makePortal(ctx context.Context, dir string) (*portal, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &portal{addr: addr, appFile: filepath.Join(dir, "app-passwords")}
	c := contents{
		accounts: portalAccounts,
		settings: fmt.Sprintf("[portal]\nlisten = %q\nurl = \"http://%s\"\ntrusted_proxies = [\"127.0.0.1\"]\n", addr, addr),
		more: func(ctx context.Context, st *store.Store, keys *secret.Keys) error {
			viewers, err := bindViewers(ctx, st, keys)
			p.viewers = viewers
			if err != nil {
				return err
			}
			return remember(ctx, st)
		},
	}
	if p.latchkeyFolder, err = makeLatchkey(ctx, dir, c); err != nil {
		return nil, err
	}
	return p, os.WriteFile(p.appFile, p.accounts, 0o600)
}

// freePort is an address of this machine that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
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
