package dovecot_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// latchedBackend refuses "later" after two seconds, keeps "slow" until the test
// lets it go, and asks script for the rest.
type latchedBackend struct {
	script
	mu   sync.Mutex
	held []*dovecot.Request
}

func (b *latchedBackend) Auth(r *dovecot.Request) {
	switch {
	case strings.HasSuffix(string(r.Initial), "\x00later"):
		r.Fail(dovecot.Fail{User: "u@example", Reason: sentence, At: r.Received.Add(2 * time.Second)})
	case strings.HasSuffix(string(r.Initial), "\x00drop"):
		r.Drop(r.Received.Add(2 * time.Second))
	case strings.HasSuffix(string(r.Initial), "\x00slow"):
		b.mu.Lock()
		defer b.mu.Unlock()
		b.held = append(b.held, r)
	default:
		b.script.Auth(r)
	}
}

// request returns the n-th request that is being held.
func (b *latchedBackend) request(n int) *dovecot.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[n]
}

func TestRefusalLeavesAtItsTime(t *testing.T) {
	bubble(t, &dovecot.Server{Backend: &latchedBackend{}}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		began := time.Now()
		w.send(plain("1", "later"), plain("2", "right"))
		w.want(accepted("2"))
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the accepted login took %v", waited)
		}
		time.Sleep(2*time.Second - time.Nanosecond)
		w.wantSilence()
		w.want(refused("1"))
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("the refusal left after %v", waited)
		}
		w.send(plain("1", "right"))
		w.want(accepted("1"))
	})
}

// A refusal that took longer to decide leaves in its place among those that came
// with it.
func TestRefusalsLeaveInOrder(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "later"), plain("3", "slow"), plain("2", "slow"), plain("5", "later"), plain("4", "later"))
		synctest.Wait()
		for n := range 2 {
			r := b.request(n)
			r.Fail(dovecot.Fail{User: "u@example", Reason: sentence, At: r.Received.Add(2 * time.Second)})
		}
		w.want(refused("1"), refused("2"), refused("3"), refused("4"), refused("5"))
	})
}

func TestCancelDropsWaitingRefusal(t *testing.T) {
	bubble(t, &dovecot.Server{Backend: &latchedBackend{}}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("4")
		w.send(plain("1", "later"), "CANCEL\t1")
		w.want("CANCELLED\t1")
		time.Sleep(time.Minute)
		w.wantSilence()
		w.send(plain("1", "right"))
		w.want(accepted("1"))
	})
}

// The first answer counts, also while it waits for its time or for the client.
func TestSecondAnswerIsIgnored(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "slow"), plain("2", "slow"))
		synctest.Wait()
		first, second := b.request(0), b.request(1)
		first.Fail(dovecot.Fail{User: "u@example", Reason: sentence, At: time.Now().Add(time.Second)})
		second.OK(dovecot.OK{User: "u@example", Final: []byte("v=x")})
		for _, r := range []*dovecot.Request{first, second} {
			r.OK(dovecot.OK{User: "other"})
			r.Fail(dovecot.Fail{Reason: "other"})
			r.Challenge([]byte("other"))
			r.Drop(time.Time{})
		}
		w.want("CONT\t2\tdj14")
		w.wantSilence()
		w.send("CONT\t2\t")
		w.want("OK\t2\tuser=u@example", refused("1"))
		time.Sleep(time.Minute)
		w.wantSilence()
		if n := strings.Count(log.String(), "second answer ignored"); n != 8 {
			t.Errorf("%d lines of 8 in the log:\n%s", n, log.String())
		}
	})
}

func TestTooManyWaitingLeaveEarly(t *testing.T) {
	s := &dovecot.Server{Backend: &latchedBackend{}, MaxWaiting: 3}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "later"), plain("2", "later"), plain("3", "later"))
		w.wantSilence()
		w.send(plain("4", "later"), plain("5", "later"))
		w.want(refused("1"), refused("2"))
		w.wantSilence()
		time.Sleep(2 * time.Second)
		got := map[string]bool{w.line(): true, w.line(): true, w.line(): true}
		if !got[refused("3")] || !got[refused("4")] || !got[refused("5")] {
			t.Errorf("got %v", got)
		}
	})
}

func TestDropLeavesAtItsTime(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("0")
		w.send(plain("1", "drop"), plain("2", "slow"), plain("3", "right"))
		w.want(accepted("3"))
		synctest.Wait()
		time.Sleep(time.Second)
		w.send(plain("4", "later"))
		w.wantSilence()
		ctx := b.request(0).Context()
		time.Sleep(time.Second)
		w.want(refused("4")) // a finished answer leaves with the end
		w.wantEnd()
		<-ctx.Done()
		b.request(0).OK(dovecot.OK{User: "too late"})
	})
}

func TestTemporaryFailureLeavesAtItsTime(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		login, mta := dial().hello("2"), dial().hello("1")
		login.send(plain("1", "slow"))
		synctest.Wait()
		mta.send(plain("1", "slow"))
		synctest.Wait()
		at := time.Now().Add(2 * time.Second)
		for n := range 2 {
			b.request(n).TemporaryFailure("u@example", at)
			b.request(n).TemporaryFailure("u@example", time.Time{})
		}
		time.Sleep(time.Until(at) - time.Nanosecond)
		login.wantSilence()
		mta.wantSilence()
		login.want("FAIL\t1\tuser=u@example\tcode=temp_fail")
		mta.wantEnd()
		login.send(plain("2", "right"))
		login.want(accepted("2"))
		if n := strings.Count(log.String(), "second answer ignored"); n != 2 {
			t.Errorf("%d lines of 2 in the log:\n%s", n, log.String())
		}
	})
}

func TestExpiry(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		w := dial().hello("4")
		w.send("AUTH\t1\tLOGIN\tservice=imap", plain("2", "slow"))
		w.want("CONT\t1\tVXNlcm5hbWU6")
		synctest.Wait()
		ctx := b.request(0).Context()
		time.Sleep(100 * time.Second)
		w.send("AUTH\t3\tLOGIN\tservice=imap")
		w.want("CONT\t3\tVXNlcm5hbWU6")
		time.Sleep(50 * time.Second)
		w.wantSilence()
		if ctx.Err() == nil {
			t.Error("the context of an expired request goes on")
		}
		b.request(0).OK(dovecot.OK{User: "u@example"})
		w.send("CONT\t1\tdQ==", "CONT\t2\tdQ==", "CONT\t3\tdUBleGFtcGxl")
		w.want("FAIL\t1\treason=Authentication request timed out", "FAIL\t2\treason=Authentication request timed out", "CONT\t3\tUGFzc3dvcmQ6")
		time.Sleep(100 * time.Second)
		w.send("CONT\t3\tcmlnaHQ=")
		w.want("FAIL\t3\treason=Authentication request timed out")
		if strings.Contains(log.String(), "second answer") {
			t.Errorf("a late answer is no second answer:\n%s", log.String())
		}
	})
}

func TestNoHandshakeInTime(t *testing.T) {
	bubble(t, &dovecot.Server{Backend: script{}}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		w := dial()
		go w.read()
		for line := ""; line != "DONE"; {
			line = w.line()
		}
		time.Sleep(30*time.Second - time.Nanosecond)
		w.wantSilence()
		w.wantEnd()
		synctest.Wait()
		if !strings.Contains(log.String(), "no handshake in time") {
			t.Errorf("log: %s", log.String())
		}
		// Whoever has shaken hands may stay silent for ever.
		quiet := dial().hello("0")
		time.Sleep(24 * time.Hour)
		quiet.wantSilence()
	})
}

func TestShutdown(t *testing.T) {
	b := &latchedBackend{}
	s := &dovecot.Server{Backend: b}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w, idle := dial().hello("2"), dial().hello("2")
		w.send(plain("1", "later"), plain("2", "slow"), "AUTH\t3\tLOGIN\tservice=imap")
		w.want("CONT\t3\tVXNlcm5hbWU6")
		synctest.Wait()
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- s.Shutdown(context.Background()) }()
		w.want(refused("1"))
		idle.wantEnd()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("Shutdown did not wait: %v", err)
		default:
		}
		b.request(0).Fail(dovecot.Fail{User: "u@example", Reason: sentence, At: time.Now().Add(2 * time.Second)})
		w.want(refused("2"))
		w.wantEnd()
		if err := <-ended; err != nil || time.Since(began) != 0 {
			t.Errorf("Shutdown: %v after %v", err, time.Since(began))
		}
	})
}

func TestShutdownTimeout(t *testing.T) {
	b := &latchedBackend{}
	s := &dovecot.Server{Backend: b}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "slow"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		request := b.request(0).Context()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		w.wantEnd()
		if request.Err() == nil {
			t.Error("the request's context goes on")
		}
	})
}

func TestContextEndsWithItsRequest(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "slow"), plain("2", "slow"), plain("3", "slow"), plain("4", "slow"))
		synctest.Wait()
		first, second, third, fourth := b.request(0), b.request(1), b.request(2), b.request(3)
		ctx := []context.Context{first.Context(), second.Context()}
		if ctx[0].Err() != nil || ctx[1].Err() != nil {
			t.Fatal("a context ended before its request")
		}
		first.OK(dovecot.OK{User: "u@example"})
		w.want("OK\t1\tuser=u@example")
		fourth.Fail(dovecot.Fail{At: time.Now().Add(time.Minute)})
		if fourth.Context().Err() == nil {
			t.Error("a context asked for too late does not say so")
		}
		w.send("CANCEL\t2")
		synctest.Wait()
		if ctx[0].Err() == nil || ctx[1].Err() == nil {
			t.Error("a context goes on after its request")
		}
		_ = w.nc.Close() // the client hangs up
		synctest.Wait()
		if third.Context().Err() == nil {
			t.Error("a context goes on after its connection")
		}
	})
}

func TestTooManyOpenRequests(t *testing.T) {
	s := &dovecot.Server{Backend: &latchedBackend{}, MaxOpen: 2}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "slow"), plain("2", "slow"), plain("3", "slow"))
		w.want("FAIL\t1\tcode=temp_fail")
		mta := dial().hello("0")
		mta.send("AUTH\t1\tLOGIN\tservice=smtp", "AUTH\t2\tLOGIN\tservice=smtp", "AUTH\t3\tLOGIN\tservice=smtp", "CONT\t1\t", "CONT\t2\tdQ==")
		mta.want("CONT\t1\tVXNlcm5hbWU6", "CONT\t2\tVXNlcm5hbWU6", "CONT\t3\tVXNlcm5hbWU6",
			"FAIL\t1\treason=Authentication request timed out", "CONT\t2\tUGFzc3dvcmQ6")
	})
}
