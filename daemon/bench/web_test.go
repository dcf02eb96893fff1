package bench_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// request is one for path that wants the status.
func request(t *testing.T, method, path, body string, status int) bench.WebRequest {
	t.Helper()
	q, err := bench.NewWebRequest(path, httptest.NewRequest(method, "http://portal"+path, strings.NewReader(body)), status)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// site answers as the portal does, and counts what it is asked.
func site(t *testing.T) (addr string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/page":
			io.WriteString(w, strings.Repeat("a page ", 200))
		case "/late":
			time.Sleep(20 * time.Millisecond)
			io.WriteString(w, "late")
		case "/sign-in":
			body, _ := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || string(body) != "password=x" {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
			http.Redirect(w, r, "/page", http.StatusSeeOther)
		default:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), asked
}

func TestWebCounts(t *testing.T) {
	addr, asked := site(t)
	r, err := bench.RunWeb(t.Context(), bench.WebOptions{
		Addr: addr, Connections: 3, Duration: time.Minute, Most: 41,
		Requests: []bench.WebRequest{
			request(t, http.MethodGet, "/page", "", http.StatusOK), request(t, http.MethodGet, "/late", "", http.StatusOK),
			request(t, http.MethodPost, "/sign-in", "password=x", http.StatusSeeOther), request(t, http.MethodGet, "/busy", "", http.StatusOK),
			request(t, http.MethodPost, "/sign-in", "password=y", http.StatusSeeOther),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	page, late := r.Named["/page"], r.Named["/late"]
	if asked.Load() != 41 || r.All.Count+r.Others() != 41 || len(r.Other) != 2 || r.Other[403] == 0 || r.Other[503] == 0 {
		t.Errorf("%d asked, %+v", asked.Load(), r)
	}
	if page.Count == 0 || late.Count == 0 || r.Named["/sign-in"].Count == 0 || page.Count+late.Count+r.Named["/sign-in"].Count != r.All.Count {
		t.Errorf("by name: %+v", r.Named)
	}
	if late.P50 < 20*time.Millisecond || late.P50 > late.P99 || late.P999 > late.Max || r.All.Max < late.Max || r.PerSecond <= 0 {
		t.Errorf("ages: %+v", r)
	}
	secret := request(t, http.MethodPost, "/sign-in", "password=x", http.StatusSeeOther)
	if text := fmt.Sprintf("%v %+v %#v %q", secret, []bench.WebRequest{secret}, secret, secret); text != `/sign-in [/sign-in] /sign-in "/sign-in"` {
		t.Errorf("printed: %s", text)
	}
}

// TestWebTimes: what comes ahead is not counted, and pauses are made. Without
// them all requests would be over before any counts.
func TestWebTimes(t *testing.T) {
	addr, asked := site(t)
	r, err := bench.RunWeb(t.Context(), bench.WebOptions{
		Addr: addr, Connections: 1, Ahead: 200 * time.Millisecond, Duration: time.Minute, Pause: 10 * time.Millisecond, Most: 30,
		Requests: []bench.WebRequest{request(t, http.MethodGet, "/page", "", http.StatusOK)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := r.All.Count; asked.Load() != 30 || n == 0 || n == 30 {
		t.Errorf("%d of %d requests counted", n, asked.Load())
	}
}

func TestWebContextEndsIt(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := bench.RunWeb(ctx, bench.WebOptions{Addr: server.Listener.Addr().String(), Connections: 1, Duration: time.Minute,
		Requests: []bench.WebRequest{request(t, http.MethodGet, "/", "", http.StatusOK)}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWebServerHangsUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.Close()
		}
	}()
	_, err = bench.RunWeb(t.Context(), bench.WebOptions{Addr: l.Addr().String(), Connections: 2, Duration: time.Minute,
		Requests: []bench.WebRequest{request(t, http.MethodGet, "/page", "", http.StatusOK)}})
	if err == nil || !strings.Contains(err.Error(), "/page") {
		t.Errorf("got %v", err)
	}
}

func TestBadWebLoads(t *testing.T) {
	good := bench.WebOptions{Addr: "127.0.0.1:1", Connections: 1, Duration: time.Second, Requests: []bench.WebRequest{request(t, http.MethodGet, "/", "", http.StatusOK)}}
	for want, edit := range map[string]func(*bench.WebOptions){
		"connections":   func(o *bench.WebOptions) { o.Connections = bench.MaxConnections + 1 },
		"duration must": func(o *bench.WebOptions) { o.Duration = 0 },
		"time ahead":    func(o *bench.WebOptions) { o.Ahead = -1 },
		"pause":         func(o *bench.WebOptions) { o.Pause = 2 * bench.MaxDuration },
		"requests must": func(o *bench.WebOptions) { o.Most = -1 },
		"no requests":   func(o *bench.WebOptions) { o.Requests = nil },
	} {
		o := good
		edit(&o)
		if _, err := bench.RunWeb(t.Context(), o); !errors.Is(err, bench.ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := bench.RunWeb(t.Context(), good); err == nil || errors.Is(err, bench.ErrOptions) {
		t.Errorf("no server: %v", err)
	}
}
