package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/bench"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// serving is a small crowd's portal in this process, signed in.
func serving(t *testing.T) *portal {
	t.Helper()
	p, err := makePortal(t.Context(), filepath.Join(t.TempDir(), "portal"), crowd{all: 8, mail: 4, viewers: 2})
	if err != nil {
		t.Fatal(err)
	}
	serveIn(t, p.config)
	if err := p.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// serveIn serves a configuration in this process, until the test is over.
func serveIn(t *testing.T, path string) {
	t.Helper()
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.Open(cfg, daemon.Options{Hasher: hasher.Options{Start: func() (hasher.Worker, error) { return hasher.Local(), nil }}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- d.Serve(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, d.Close()); err != nil {
			t.Error(err)
		}
	})
	<-ready
}

// TestPortalCrowd: viewers see their pages with everything on them, the others
// get in, and mail programs log in.
func TestPortalCrowd(t *testing.T) {
	p := serving(t)
	if got := strings.Count(string(p.mailPrograms), "\n"); got != 4*appPasswordsOfEach || len(p.viewers) != 2 {
		t.Errorf("%d mail programs, %d viewers", got, len(p.viewers))
	}
	views, err := p.views()
	if err != nil {
		t.Fatal(err)
	}
	r, err := bench.RunWeb(t.Context(), bench.WebOptions{Addr: p.addr, Connections: 2, Duration: time.Minute, Most: int64(len(views)), Requests: views})
	if err != nil || r.All.Count != uint64(len(views)) || len(r.Named) != len(pages()) {
		t.Errorf("pages: %+v, %v", r, err)
	}
	signIns, err := p.signIns()
	if err != nil {
		t.Fatal(err)
	}
	r, err = bench.RunWeb(t.Context(), bench.WebOptions{Addr: p.addr, Connections: 1, Duration: time.Minute, Most: int64(len(signIns)), Requests: signIns})
	if err != nil || len(signIns) != 2 || r.All.Count != 2 {
		t.Errorf("sign-ins: %+v, %v", r, err)
	}
}

// TestViewersArePeople: a page is not fast because there is nothing on it.
func TestViewersArePeople(t *testing.T) {
	p := serving(t)
	client := browser()
	for page, wants := range map[string][]string{
		"/security":      {"138"},
		"/app-passwords": {"device 1", "device 3"},
		"/devices":       {"iOS", "Foxmail", "Thunderbird", "Windows", "Chrome"},
		"/phone":         {"138"},
	} {
		body, err := p.look(t.Context(), client, &p.viewers[1], page)
		if err != nil {
			t.Error(err)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s is without %q", page, want)
			}
		}
	}
	p.viewers[1].cookies = p.viewers[0].cookies
	if _, err := p.look(t.Context(), client, &p.viewers[1], "/security"); err == nil {
		t.Error("a page of somebody else is taken for one's own")
	}
}

func TestTrickle(t *testing.T) {
	p := serving(t)
	if n, err := p.trickle(t.Context(), 100, 15); n != 15 || err != nil {
		t.Errorf("%d logins, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := p.trickle(ctx, 100, 15); n != 0 || err != nil {
		t.Errorf("after its end: %d logins, %v", n, err)
	}
	p.mailPrograms = bytes.ReplaceAll(p.mailPrograms, []byte("user"), []byte("nobody"))
	if _, err := p.trickle(t.Context(), 20, 15); err == nil {
		t.Error("nobody gets in, and nothing is said")
	}
}

func TestFeed(t *testing.T) {
	pool := hasher.NewCounting()
	defer pool.Close()
	stored, err := pool.Hash(t.Context(), hasher.Portal, secret.New(mainPassword))
	if err != nil {
		t.Fatal(err)
	}
	rate, err := feed(t.Context(), pool.Pool, stored, 50*time.Millisecond)
	if err != nil || pool.Matches() == 0 || rate <= 0 || rate > 20*float64(pool.Matches()) {
		t.Errorf("%v a second, %d in all, %v", rate, pool.Matches(), err)
	}
	if stored, err = pool.Hash(t.Context(), hasher.Portal, secret.New("another")); err != nil {
		t.Fatal(err)
	}
	if _, err := feed(t.Context(), pool.Pool, stored, time.Minute); err == nil || !strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong passwords: %v", err)
	}
}
