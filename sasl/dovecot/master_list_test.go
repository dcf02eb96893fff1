package dovecot_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// lister is a MasterBackend that has as many users as a test wants.
type lister struct {
	master
	users int
	named *atomic.Int32                   // how many yield has taken
	ended *atomic.Bool                    // List has returned
	pause func(ctx context.Context) error // before each name
}

func newLister(users int) lister {
	return lister{master: master{user: uidOf}, users: users, named: new(atomic.Int32), ended: new(atomic.Bool)}
}

func (l lister) List(ctx context.Context, _ *dovecot.ListQuery, yield func(string) bool) error {
	defer l.ended.Store(true)
	for i := range l.users {
		if l.pause != nil {
			if err := l.pause(ctx); err != nil {
				return err
			}
		}
		if !yield(fmt.Sprintf("user%07d@example.org", i)) {
			return nil
		}
		l.named.Add(1)
	}
	return nil
}

// masterBubble is bubble for a userdb socket; dialled peers have had the handshake.
func masterBubble(t *testing.T, s *dovecot.Server, test func(t *testing.T, w *wire, in *bufio.Reader, log *logBuffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBuffer)
		s.Log = log.logger()
		w := servePipes(t, s, dovecot.KindUserdb)()
		in := bufio.NewReader(w.nc)
		for range 2 {
			if _, err := in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		w.send("VERSION\t1\t1")
		test(t, w, in, log)
	})
}

// A peer that does an hour's work between two names gets the whole list all the
// same, and no more of it waits in memory than 64 KiB. After it, writes have
// their usual time again.
func TestListWaitsForThePeer(t *testing.T) {
	const users = 10_000 // 350 KB
	l := newLister(users)
	masterBubble(t, &dovecot.Server{Master: l, MaxUnread: 1}, func(t *testing.T, w *wire, in *bufio.Reader, log *logBuffer) {
		w.send("LIST\t1\tuser=*")
		for i := range users {
			if i%1000 == 0 {
				time.Sleep(time.Hour)
				synctest.Wait()
				if ahead := int(l.named.Load()) - i; ahead > (65<<10)/30+200 {
					t.Fatalf("%d names wait in memory", ahead)
				}
			}
			want := fmt.Sprintf("LIST\t1\tuser%07d@example.org\n", i)
			if line, err := in.ReadString('\n'); err != nil || line != want {
				t.Fatalf("%q, %v, want %q\n%s", line, err, want, log.String())
			}
		}
		time.Sleep(time.Hour)
		if line, err := in.ReadString('\n'); err != nil || line != "DONE\t1\t\n" {
			t.Fatalf("%q, %v", line, err)
		}
		w.send("USER\t2\t77\tservice=lmtp")
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if !strings.Contains(log.String(), "peer does not read") {
			t.Errorf("a look-up's answer waits as long as a list: %s", log.String())
		}
	})
}

// A list ends with its connection, at once if the peer goes or the server stops.
func TestListEndsWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *dovecot.Server, w *wire) error{
		"peer goes": func(_ *testing.T, _ *dovecot.Server, w *wire) error { return w.nc.Close() },
		"Close":     func(_ *testing.T, s *dovecot.Server, _ *wire) error { return s.Close() },
		"Shutdown":  func(t *testing.T, s *dovecot.Server, _ *wire) error { return s.Shutdown(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLister(1_000_000)
			s := &dovecot.Server{Master: l}
			masterBubble(t, s, func(t *testing.T, w *wire, _ *bufio.Reader, _ *logBuffer) {
				w.send("LIST\t1")
				synctest.Wait()
				began := time.Now()
				if err := end(t, s, w); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if !l.ended.Load() || time.Since(began) != 0 {
					t.Errorf("after %v: ended %t, %d names", time.Since(began), l.ended.Load(), l.named.Load())
				}
			})
		})
	}
}

// A back end that waits for something sees the end of its context.
func TestContextEndsWithTheConnection(t *testing.T) {
	l := newLister(1)
	l.pause = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	s := &dovecot.Server{Master: l}
	masterBubble(t, s, func(t *testing.T, w *wire, _ *bufio.Reader, _ *logBuffer) {
		w.send("LIST\t1\tuser=nobody")
		synctest.Wait()
		if l.ended.Load() {
			t.Fatal("it did not wait")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if !l.ended.Load() {
			t.Error("it still waits")
		}
	})
}

// Without the add-ons a back end's users cannot be listed, nor passwords looked up.
func TestMasterBackendWithoutAddOns(t *testing.T) {
	m, err := dovecot.NewMasterClient(dialConn(t, serve(t, &dovecot.Server{Master: master{user: uidOf}}, dovecot.KindMaster)))
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := m.Pass(t.Context(), "77", "lmtp"); err != nil || reply.Outcome != dovecot.Failed {
		t.Errorf("PASS: %+v, %v", reply, err)
	}
	if n, err := m.CacheFlush(t.Context(), "a", "b*"); err != nil || n != 0 {
		t.Errorf("CACHE-FLUSH: %d, %v", n, err)
	}
	if err := m.List(t.Context(), &dovecot.ListQuery{}, func(string) bool { return true }); !errors.Is(err, dovecot.ErrList) {
		t.Errorf("LIST: %v", err)
	}
}

// The client's end: masks go out and names come back as they were, a list may be
// broken off, and what is no list is an error.
func TestMasterClientList(t *testing.T) {
	s := &dovecot.Server{Master: scriptMaster{}}
	client := func() *dovecot.MasterClient {
		m, err := dovecot.NewMasterClient(dialConn(t, serve(t, s, dovecot.KindUserdb)))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := client()
	for mask, want := range map[string]string{
		"": "a@example B@example tab\tbed@example ab@other", "tab\t*": "tab\tbed@example", "?@e*": "a@example B@example", "none": "",
	} {
		var names []string
		err := m.List(t.Context(), &dovecot.ListQuery{Mask: mask, Service: "doveadm"}, func(user string) bool {
			names = append(names, user)
			return true
		})
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", mask, got, err, want)
		}
	}
	reply, err := m.Pass(t.Context(), "u@example", "lmtp")
	if err != nil || reply.Outcome != dovecot.Found || reply.User != "u@example" || len(reply.Fields) != 2 || reply.Fields[1].Value != "192.0.2.2" {
		t.Errorf("PASS: %+v, %v", reply, err)
	}
	if _, err := m.Pass(t.Context(), "u\texample", "lmtp"); !errors.Is(err, dovecot.ErrRequest) {
		t.Errorf("a name that cannot be sent: %v", err)
	}
	seen := 0
	if err := m.List(t.Context(), &dovecot.ListQuery{}, func(string) bool { seen++; return false }); err != nil || seen != 1 {
		t.Errorf("broken off: %v after %d names", err, seen)
	}
	if _, err := m.User(t.Context(), "u@example", "lmtp"); err == nil {
		t.Error("the connection of a list that was broken off goes on")
	}
	if err := client().List(t.Context(), &dovecot.ListQuery{Mask: "fail"}, func(string) bool { return true }); !errors.Is(err, dovecot.ErrList) {
		t.Errorf("a list that is not whole: %v", err)
	}
}
