package bench_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/sasl/saslauthd"
)

// asked counts what a door was asked.
type asked struct {
	mu    sync.Mutex
	count map[string]int
}

func (a *asked) add(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == nil {
		a.count = make(map[string]int)
	}
	a.count[what]++
}

// listen opens a socket in a folder of its own.
func listen(t *testing.T) (l net.Listener, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path = filepath.Join(dir, "door")
	if l, err = net.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	return l, path
}

// saslauthdDoor answers by the login's first letters.
func saslauthdDoor(t *testing.T) (string, *asked) {
	t.Helper()
	l, path := listen(t)
	var all asked
	s := &saslauthd.Server{Answer: func(_ context.Context, r *saslauthd.Request) saslauthd.Reply {
		all.add(strings.Join([]string{r.Service, r.Login, r.Realm, r.Password()}, "/"))
		switch {
		case strings.HasPrefix(r.Login, "good"):
			return saslauthd.Reply{Outcome: saslauthd.OK}
		case strings.HasPrefix(r.Login, "late"):
			return saslauthd.Reply{Outcome: saslauthd.No, At: r.Received.Add(20 * time.Millisecond)}
		}
		return saslauthd.Reply{}
	}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); serving.Wait() })
	return path, &all
}

// nginxDoor answers by the name's first letters.
func nginxDoor(t *testing.T) (string, *asked) {
	t.Helper()
	l, path := listen(t)
	var all asked
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		all.add(strings.Join([]string{h.Get("Auth-Protocol"), h.Get("Auth-User"), h.Get("Auth-Pass"), h.Get("Client-IP"), h.Get("Auth-Method")}, "/"))
		switch {
		case strings.HasPrefix(h.Get("Auth-User"), "good"):
			w.Header().Set("Auth-Status", "OK")
			w.Header().Set("Auth-Server", "192.0.2.1")
		case strings.HasPrefix(h.Get("Auth-User"), "late"):
			time.Sleep(20 * time.Millisecond)
			w.Header().Set("Auth-Status", "no")
			w.Header().Set("Auth-Error-Code", "535 5.7.8")
		case strings.HasPrefix(h.Get("Auth-User"), "long"):
			w.Header().Set("Auth-Status", strings.Repeat("no", 600))
		case strings.HasPrefix(h.Get("Auth-User"), "busy"):
			w.Header().Set("Auth-Status", "come again")
			w.Header().Set("Auth-Error-Code", "454 4.7.0")
		}
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); serving.Wait() })
	return path, &all
}

// onceDriver drives a door that takes one login on each connection.
type onceDriver func(context.Context, bench.Options) (*bench.Result, error)

func onceLoad(socket string, accounts ...bench.Account) bench.Options {
	return bench.Options{Socket: socket, Connections: 2, InFlight: 1, Logins: 40, Service: "pop3", Mechanism: "PLAIN", Accounts: accounts}
}

func TestOnceCounts(t *testing.T) {
	accounts := []bench.Account{
		bench.NewAccount("good@a@example.org", "one"), bench.NewAccount("late@example.org", "t %w"), bench.NewAccount("busy", "three"),
		bench.NewAccount("busy@example.org", "four"),
	}
	for name, one := range map[string]struct {
		run  onceDriver
		door func(*testing.T) (string, *asked)
		want []string
	}{
		"saslauthd": {bench.RunSaslauthd, saslauthdDoor, []string{"pop3/good@a/example.org/one", "pop3/late/example.org/t %w", "pop3/busy//three"}},
		"nginx": {bench.RunNginx, nginxDoor, []string{
			"pop3/good@a@example.org/one/10.0.0.0/plain", "pop3/late@example.org/t%20%25w/10.0.0.1/plain", "pop3/busy/three/10.0.0.2/plain",
		}},
	} {
		socket, all := one.door(t)
		r, err := one.run(t.Context(), onceLoad(socket, accounts...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Accepted != 10 || r.Rejected != 10 || r.Undecided != 20 || r.Unanswered != 0 {
			t.Errorf("%s: %+v; want 10, 10 and 20", name, r)
		}
		for _, what := range one.want {
			if all.count[what] != 10 {
				t.Errorf("%s: %s came %d times, want 10; all: %v", name, what, all.count[what], all.count)
			}
		}
		if r.P999 < 20*time.Millisecond || r.P50 > r.P99 || r.LoginsPerSecond <= 0 {
			t.Errorf("%s: a quarter was 20 ms late: %+v", name, r)
		}
	}
}

func TestOnceStopsByItself(t *testing.T) {
	for name, one := range map[string]struct {
		run  onceDriver
		door func(*testing.T) (string, *asked)
	}{"saslauthd": {bench.RunSaslauthd, saslauthdDoor}, "nginx": {bench.RunNginx, nginxDoor}} {
		socket, _ := one.door(t)
		o := onceLoad(socket, bench.NewAccount("good", "x"))
		o.Logins, o.Duration = 0, 30*time.Millisecond
		if r, err := one.run(t.Context(), o); err != nil || r.Accepted == 0 || r.Accepted != r.Answered() {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// mute takes connections and says nothing; with hangUp it closes them, too. It
// tells once that somebody came.
func mute(t *testing.T, hangUp bool) (socket string, came chan struct{}) {
	t.Helper()
	l, path := listen(t)
	came = make(chan struct{}, 1)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer nc.Close()
				first := make([]byte, 1)
				if _, err := nc.Read(first); err != nil {
					return
				}
				select {
				case came <- struct{}{}:
				default:
				}
				if !hangUp {
					_, _ = io.Copy(io.Discard, nc) // until the other side has enough
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	return path, came
}

func TestOnceContextEndsIt(t *testing.T) {
	for name, run := range map[string]onceDriver{"saslauthd": bench.RunSaslauthd, "nginx": bench.RunNginx} {
		socket, came := mute(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-came
			cancel()
		}()
		o := onceLoad(socket, bench.NewAccount("good", "x"))
		o.Connections = 1
		if r, err := run(ctx, o); !errors.Is(err, context.Canceled) || r.Unanswered != 1 || r.Answered() != 0 {
			t.Errorf("%s: %+v, %v; want one unanswered and the context's error", name, r, err)
		}
	}
}

func TestOnceServerHangsUp(t *testing.T) {
	for name, run := range map[string]onceDriver{"saslauthd": bench.RunSaslauthd, "nginx": bench.RunNginx} {
		socket, _ := mute(t, true)
		if _, err := run(t.Context(), onceLoad(socket, bench.NewAccount("good", "x"))); err == nil || !strings.Contains(err.Error(), "after 0 answers") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestBadNginxAnswers: nginx would not read them either.
func TestBadNginxAnswers(t *testing.T) {
	socket, _ := nginxDoor(t)
	for name, want := range map[string]string{"long": "too long", "nobody": "begins"} {
		if _, err := bench.RunNginx(t.Context(), onceLoad(socket, bench.NewAccount(name, "x"))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBadOnceLoads(t *testing.T) {
	for want, edit := range map[string]func(*bench.Options){
		"one login in flight": func(o *bench.Options) { o.InFlight = 2 },
		"passwords only":      func(o *bench.Options) { o.Mechanism = "LOGIN" },
		"no accounts":         func(o *bench.Options) { o.Accounts = nil },
	} {
		for name, run := range map[string]onceDriver{"saslauthd": bench.RunSaslauthd, "nginx": bench.RunNginx} {
			o := onceLoad("/nonexistent/door", bench.NewAccount("u", "x"))
			edit(&o)
			if _, err := run(t.Context(), o); !errors.Is(err, bench.ErrOptions) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want %q, got %v", name, want, err)
			}
		}
	}
	if _, err := bench.RunNginx(t.Context(), onceLoad("/nonexistent/door", bench.NewAccount("u", "x"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
}

// TestOverTCP: an address is as good as a socket.
func TestOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{asked: make(map[string]int)}
	s := &dovecot.Server{Backend: d, Mechanisms: func() []dovecot.Mechanism { return []dovecot.Mechanism{{Name: "PLAIN"}} }}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l, dovecot.KindClient) })
	t.Cleanup(func() { _ = s.Close(); serving.Wait() })
	o := onceLoad("", bench.NewAccount("good", "x"))
	o.Address = l.Addr().String()
	r, err := bench.Run(t.Context(), o)
	if err != nil || r.Accepted != 40 || r.Socket != o.Address {
		t.Errorf("%+v, %v", r, err)
	}
	o.Socket = "/nonexistent/auth"
	if _, err := bench.Run(t.Context(), o); !errors.Is(err, bench.ErrOptions) {
		t.Errorf("both: %v", err)
	}
}
