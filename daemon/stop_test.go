package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/audit"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
)

// hangingGateway is one that takes requests and answers none before it is let go;
// asked gets one for each.
func hangingGateway(t *testing.T) (at string, asked <-chan struct{}) {
	t.Helper()
	got, letGo := make(chan struct{}, 10), make(chan struct{})
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-letGo:
		}
	}))
	t.Cleanup(func() { close(letGo); gateway.Close() })
	return gateway.URL, got
}

// TestStopWhileSending: a stop does not wait for a gateway that hangs. What was
// taken for its message is given back before the store closes, and who waits for it
// is told; only what bounds the site's sendings stays spent, for the gateway was
// asked.
func TestStopWhileSending(t *testing.T) {
	for name, leaves := range map[string]bool{"who waits": false, "who has left": true} {
		t.Run(name, func(t *testing.T) { stopWhileSending(t, leaves) })
	}
}

func stopWhileSending(t *testing.T, leaves bool) {
	gateway, asked := hangingGateway(t)
	r := start(t, func(cfg *config.Config) {
		cfg.Portal.Listen, cfg.Portal.URL = "127.0.0.1:0", "http://localhost"
		cfg.Portal.Name = "Example"
		cfg.SMS.Timeout = config.Duration(time.Minute) // longer than all may take together
		cfg.SMS.Senders = []config.SMSSender{{Name: "hanging", Type: config.SMSHTTP, URL: gateway + "/?to={{.To}}&text={{.Text}}"}}
	})
	const address = "alice@example.org"
	r.account(t, address, nil)
	if _, err := r.accounts.BindPhone(t.Context(), "root", address, "13812345678"); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	answered := make(chan int, 1)
	go func() { answered <- signInTo(ctx, r.PortalAddr().String(), address) }()
	select {
	case <-asked:
	case status := <-answered:
		t.Fatalf("the gateway was not asked: %d", status)
	}
	if leaves {
		leave()
	}
	begun := time.Now()
	r.stop()
	if took := time.Since(begun); took > sendWithin/2 {
		t.Errorf("the stop took %v", took)
	}
	if status := <-answered; !leaves && status != http.StatusSeeOther {
		t.Errorf("who waits got %d", status)
	}
	if got := budgets(t, r.cfg); got != 2 {
		t.Errorf("%d budgets are not whole, want those of the source and the site", got)
	}
	again := startIn(t, r.cfg)
	kinds := map[store.EventKind]int{}
	events, err := again.accounts.Events(t.Context(), accounts.EventQuery{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		kinds[ev.Kind]++
	}
	if kinds[store.EventCodeSent] != 0 || kinds[store.EventCodeFailed] != 1 {
		t.Errorf("events: %v", kinds)
	}
	err = again.store.View(t.Context(), func(r *store.Reader) error {
		a, err := r.Account(address)
		if err != nil {
			return err
		}
		sessions, err := r.Sessions(a.ID)
		if err != nil || len(sessions) != 1 {
			t.Errorf("%d sessions, %v", len(sessions), err)
			return err
		}
		if _, err := r.Challenge(a.ID, sessions[0].ID, store.PurposeSignIn); !errors.Is(err, store.ErrNoChallenge) {
			t.Errorf("a code that nobody got is waited for: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// signInTo gives a main password to the portal and returns the status of the answer,
// 0 if none came.
func signInTo(ctx context.Context, at, address string) int {
	jar, _ := cookiejar.New(nil) // never fails
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"address": {address}, "password": {mainPass}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := browser.Do(r)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// budgets counts those that are not whole, in the database of a daemon that has
// stopped.
func budgets(t *testing.T, cfg *config.Config) int {
	t.Helper()
	engine, err := boltkv.Open(filepath.Join(cfg.DataDir, DatabaseFile), boltkv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	found := 0
	err = engine.View(t.Context(), func(r kv.Reader) error {
		return r.Scan([]byte("q"), nil, func([]byte, []byte) error { found++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSendingEndsWithTheDaemon: what is being sent is ended, and nothing is sent
// afterwards.
func TestSendingEndsWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		hangs := senderFunc(func(ctx context.Context) error { asked++; <-ctx.Done(); return ctx.Err() })
		m, err := newMessenger(config.Default(), hangs, newCounters(audit.New(nil, nil, nil)), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		message := sms.Message{To: "+8613812345678", Purpose: sms.Bind, Language: sms.English, Site: "Example", Minutes: 5, Code: [6]byte([]byte("123456"))}
		begun, done := time.Now(), make(chan error)
		go func() { done <- m.sender().Send(context.Background(), message) }()
		synctest.Wait()
		m.stop()
		if err := <-done; !errors.Is(err, context.Canceled) || asked != 1 || time.Since(begun) != 0 {
			t.Errorf("%v after %v, asked %d times", err, time.Since(begun), asked)
		}
		if err := m.sender().Send(context.Background(), message); !errors.Is(err, context.Canceled) || errors.Is(err, sms.ErrNoAnswer) || asked != 1 {
			t.Errorf("after the stop: %v, asked %d times", err, asked)
		}
	})
}

// senderFunc is a sender that looks at no message.
type senderFunc func(ctx context.Context) error

func (f senderFunc) Send(ctx context.Context, _ sms.Message) error { return f(ctx) }

// TestAnswering: the end waits for what is being answered, and nothing is answered
// after it.
func TestAnswering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answering{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) })}
		begun := time.Now()
		ask := func() int {
			w := httptest.NewRecorder()
			a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			return w.Code
		}
		go ask()
		synctest.Wait()
		a.end()
		if took := time.Since(begun); took != time.Hour {
			t.Errorf("ended after %v", took)
		}
		if got := ask(); got != http.StatusServiceUnavailable || time.Since(begun) != time.Hour {
			t.Errorf("afterwards: %d", got)
		}
	})
}
