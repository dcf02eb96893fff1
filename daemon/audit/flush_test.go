package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// slowly makes each write take d of the bubble's clock.
func (s *sink) slowly(d time.Duration) { s.during = func() { time.Sleep(d) } }

// TestFlushesAreShared: those who come while one flush is going on wait for the
// next, together, and it has what each of them recorded before.
func TestFlushesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(10 * time.Millisecond)
		r.Login(login(*now, store.Accepted, "first", "192.0.2.1"))
		var callers sync.WaitGroup
		callers.Go(func() {
			if err := r.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // it writes
		for i := range 50 {
			time.Sleep(100 * time.Microsecond)
			callers.Go(func() {
				name := fmt.Sprint("app", i)
				r.Login(login(*now, store.Accepted, name, "192.0.2.1"))
				if err := r.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				if _, written := s.stamps[name]; !written {
					t.Errorf("%s is not written when its flush has ended", name)
				}
			})
			synctest.Wait()
		}
		callers.Wait()
		if s.writes != 2 || len(s.events) != 51 {
			t.Errorf("%d writes of %d events", s.writes, len(s.events))
		}
	})
}

// TestFlushesRest: who loads pages in a loop has half of the time written, and
// who comes after a pause does not wait.
func TestFlushesRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(5 * time.Millisecond)
		step := func(wait, want time.Duration) {
			t.Helper()
			time.Sleep(wait)
			r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
			began := time.Now()
			if err := r.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("after %v a flush took %v, not %v", wait, took, want)
			}
		}
		step(0, 5*time.Millisecond)
		for range 10 {
			step(0, 10*time.Millisecond)
		}
		step(3*time.Millisecond, 7*time.Millisecond)
		step(5*time.Millisecond, 5*time.Millisecond)
		s.slowly(3 * time.Second)
		step(time.Minute, 3*time.Second)
		s.slowly(0)
		step(0, time.Second) // never longer
		step(0, 0)
	})
}

// TestImpatientFlush: who goes away while a flush is going on takes it from
// nobody, and does not wait for it, unless it is his.
func TestImpatientFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(time.Second)
		r.Login(login(*now, store.Accepted, "app1", "192.0.2.1"))
		gone, leave := context.WithCancel(t.Context())
		results := make([]error, 4)
		var callers sync.WaitGroup
		for i, ctx := range []context.Context{t.Context(), gone, gone, t.Context()} {
			callers.Go(func() { results[i] = r.Flush(ctx) })
			synctest.Wait()
			if i == 0 {
				r.Login(login(*now, store.Accepted, "app2", "192.0.2.1"))
			}
		}
		leave()
		synctest.Wait()
		if !errors.Is(results[2], context.Canceled) {
			t.Errorf("who waits for another's flush waits on: %v", results[2])
		}
		callers.Wait()
		if results[0] != nil || results[3] != nil || len(s.stamps) != 2 {
			t.Errorf("%v, %d stamps", results, len(s.stamps))
		}
	})
}

// TestSharedFlushFails for all who wait for it, and the next one begins anew.
func TestSharedFlushFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(time.Millisecond)
		r.Login(login(*now, store.Accepted, "app1", "192.0.2.1"))
		var callers sync.WaitGroup
		callers.Go(func() {
			if err := r.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		broken := errors.New("disk full")
		for range 3 {
			callers.Go(func() {
				if err := r.Flush(t.Context()); !errors.Is(err, broken) {
					t.Errorf("error = %v", err)
				}
			})
		}
		synctest.Wait()
		s.err = broken
		r.Login(login(*now, store.Accepted, "app2", "192.0.2.1"))
		callers.Wait()
		s.err = nil
		if err := r.Flush(t.Context()); err != nil || len(s.stamps) != 2 {
			t.Errorf("%v, %d stamps", err, len(s.stamps))
		}
	})
}
