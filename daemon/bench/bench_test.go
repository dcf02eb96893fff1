package bench_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// door answers by the name in the message, and remembers what it was asked.
type door struct {
	mu    sync.Mutex
	asked map[string]int
}

func (d *door) Auth(r *dovecot.Request) {
	if r.Mechanism == "LOGIN" {
		r.State = ""
		r.Challenge([]byte("Username:"))
		return
	}
	parts := strings.Split(string(r.Initial), "\x00")
	d.answer(r, strings.Join(parts[1:], "/"))
}

func (d *door) Continue(r *dovecot.Request, response []byte) {
	if name := r.State.(string); name != "" {
		d.answer(r, name+"/"+string(response))
		return
	}
	r.State = string(response)
	r.Challenge([]byte("Password:"))
}

func (d *door) answer(r *dovecot.Request, who string) {
	d.mu.Lock()
	d.asked[r.Service+" "+who+" "+r.RemoteIP.String()]++
	d.mu.Unlock()
	switch {
	case strings.HasPrefix(who, "good"):
		r.OK(dovecot.OK{User: "u"})
	case strings.HasPrefix(who, "late"):
		r.Fail(dovecot.Fail{At: r.Received.Add(20 * time.Millisecond)})
	case strings.HasPrefix(who, "busy"):
		r.Fail(dovecot.Fail{Code: dovecot.TempFail})
	default:
		r.Fail(dovecot.Fail{Reason: "no"})
	}
}

// serve starts a server and returns its socket.
func serve(t *testing.T, b dovecot.Backend) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "auth")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &dovecot.Server{Backend: b, Mechanisms: func() []dovecot.Mechanism {
		return []dovecot.Mechanism{{Name: "PLAIN"}, {Name: "LOGIN"}}
	}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l, dovecot.KindClient) })
	t.Cleanup(func() {
		_ = s.Close()
		serving.Wait()
		_ = os.RemoveAll(dir)
	})
	return path
}

func TestCounts(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		d := &door{asked: make(map[string]int)}
		r, err := bench.Run(t.Context(), bench.Options{
			Socket: serve(t, d), Connections: 2, InFlight: 3, Logins: 42, Service: "pop3", Mechanism: mechanism,
			Accounts: []bench.Account{
				bench.NewAccount("good@example.org", "one"), bench.NewAccount("late@example.org", "two"),
				bench.NewAccount("busy@example.org", "three"),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Accepted != 14 || r.Rejected != 14 || r.Undecided != 14 || r.Unanswered != 0 {
			t.Errorf("%s: %+v; want 14 of each", mechanism, r)
		}
		want := map[string]int{
			"pop3 good@example.org/one 10.0.0.0": 14, "pop3 late@example.org/two 10.0.0.1": 14, "pop3 busy@example.org/three 10.0.0.2": 14,
		}
		for who, n := range want {
			if d.asked[who] != n {
				t.Errorf("%s: %s came %d times, want %d; all: %v", mechanism, who, d.asked[who], n, d.asked)
			}
		}
		if r.P999 < 20*time.Millisecond || r.Max < r.P999 || r.P50 > r.P99 || r.LoginsPerSecond <= 0 {
			t.Errorf("%s: a third was 20 ms late: %+v", mechanism, r)
		}
	}
}

func TestStopsByItself(t *testing.T) {
	d := &door{asked: make(map[string]int)}
	r, err := bench.Run(t.Context(), bench.Options{
		Socket: serve(t, d), Connections: 1, InFlight: 4, Duration: 30 * time.Millisecond, Service: "imap", Mechanism: "PLAIN",
		Accounts: []bench.Account{bench.NewAccount("good", "x")},
	})
	if err != nil || r.Accepted == 0 || r.Accepted != r.Answered() {
		t.Errorf("%+v, %v", r, err)
	}
}

// silent never answers.
type silent struct{ asked chan struct{} }

func (s silent) Auth(*dovecot.Request)             { s.asked <- struct{}{} }
func (s silent) Continue(*dovecot.Request, []byte) {}

func TestContextEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := silent{make(chan struct{}, 1)}
	go func() {
		<-s.asked
		cancel()
	}()
	r, err := bench.Run(ctx, bench.Options{
		Socket: serve(t, s), Connections: 1, InFlight: 1, Duration: time.Minute, Service: "imap", Mechanism: "PLAIN",
		Accounts: []bench.Account{bench.NewAccount("good", "x")},
	})
	if !errors.Is(err, context.Canceled) || r.Unanswered != 1 {
		t.Errorf("%+v, %v; want one unanswered and the context's error", r, err)
	}
}

// hangUp ends the connection instead of answering.
type hangUp struct{}

func (hangUp) Auth(r *dovecot.Request)           { r.Drop(time.Time{}) }
func (hangUp) Continue(*dovecot.Request, []byte) {}

func TestServerHangsUp(t *testing.T) {
	_, err := bench.Run(t.Context(), bench.Options{
		Socket: serve(t, hangUp{}), Connections: 2, InFlight: 2, Duration: time.Minute, Service: "imap", Mechanism: "PLAIN",
		Accounts: []bench.Account{bench.NewAccount("good", "x")},
	})
	if err == nil || !strings.Contains(err.Error(), "closed a connection after 0 answers, with 2 logins open") {
		t.Errorf("got %v", err)
	}
}

func TestBadLoads(t *testing.T) {
	good := bench.Options{Socket: "/nonexistent/auth", Connections: 1, InFlight: 1, Logins: 1, Service: "imap", Mechanism: "PLAIN",
		Accounts: []bench.Account{bench.NewAccount("u", "x")}}
	for want, edit := range map[string]func(*bench.Options){
		"connections":      func(o *bench.Options) { o.Connections = 0 },
		"in flight":        func(o *bench.Options) { o.InFlight = bench.MaxInFlight + 1 },
		"duration must":    func(o *bench.Options) { o.Duration = 2 * bench.MaxDuration },
		"neither duration": func(o *bench.Options) { o.Logins = 0 },
		"logins must":      func(o *bench.Options) { o.Logins = -1 },
		"no accounts":      func(o *bench.Options) { o.Accounts = nil },
		"no service":       func(o *bench.Options) { o.Service = "" },
		"CRAM-MD5":         func(o *bench.Options) { o.Mechanism = "CRAM-MD5" },
	} {
		o := good
		edit(&o)
		if _, err := bench.Run(t.Context(), o); !errors.Is(err, bench.ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := bench.Run(t.Context(), good); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
}

func TestReadAccounts(t *testing.T) {
	text := "# comment\nu@example.org\twith:colon\r\n\nv@example.org:with blank\n"
	list, err := bench.ReadAccounts(strings.NewReader(text))
	if err != nil || len(list) != 2 || list[0].String() != "u@example.org" || list[1].String() != "v@example.org" {
		t.Errorf("got %v, %v", list, err)
	}
	for _, bad := range []string{"", "# nothing\n", "u@example.org\n", "u\t\n", "\tsecret\n", "u\tses\x00ame\n", "u\t" + strings.Repeat("s", 5000) + "\n"} {
		_, err := bench.ReadAccounts(strings.NewReader(bad))
		if !errors.Is(err, bench.ErrAccounts) || strings.Contains(err.Error(), "ses") {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	r := &bench.Result{Socket: "/run/latchkey/auth-client", Connections: 16, InFlight: 1, Service: "imap", Mechanism: "PLAIN", Accounts: 3000,
		Elapsed: 10 * time.Second, LoginsPerSecond: 123456.7, Accepted: 1234567, Rejected: 1,
		P50: 120 * time.Microsecond, P99: 1500 * time.Microsecond, P999: 2 * time.Millisecond, Max: 1500 * time.Millisecond}
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/result.txt")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}
