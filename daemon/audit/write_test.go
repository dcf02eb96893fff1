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

// What is much is written with rests, nine times as long as a batch took: all
// others have nine tenths of the time. At the end nothing is waited for.
func TestWriteDueRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(10 * time.Millisecond)
		for i := range 4 * batch {
			r.Login(login(*now, store.Accepted, fmt.Sprint("app", i), "192.0.2.1"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		time.Sleep(interval + time.Millisecond)
		for want := batch; want <= 3*batch; want += batch {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			if n := written(r, s); n != want {
				t.Errorf("%d events, want %d", n, want)
			}
			if want == 3*batch {
				break
			}
			time.Sleep(88 * time.Millisecond)
			synctest.Wait()
			if n := written(r, s); n != want {
				t.Errorf("%d events after a rest, want %d", n, want)
			}
			time.Sleep(2 * time.Millisecond)
		}
		cancel()
		began := time.Now()
		<-done
		if took := time.Since(began); took > 10*time.Millisecond || len(s.events) != 4*batch {
			t.Errorf("the end took %v, %d events", took, len(s.events))
		}
	})
}

// written is how many events there are while a writing goes on.
func written(r *Recorder, s *sink) int {
	r.writing.Lock()
	defer r.writing.Unlock()
	return len(s.events)
}

func of(ev store.Event, address string) store.Event {
	ev.Address, ev.AccountID = address, store.AccountID{address[0]}
	return ev
}

// Who looks at one account waits for what is new of it and for nothing else, also
// while there is much to write; and what both have taken is written once.
func TestFlushOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(10 * time.Millisecond)
		for i := range 3 * batch {
			r.Login(of(login(now.Add(time.Duration(i)), store.Accepted, fmt.Sprint("app", i), "192.0.2.1"), "other@example.org"))
		}
		late := now.Add(time.Hour) // so that its turn would come last
		r.Login(of(login(late, store.Accepted, "mine", "192.0.2.1"), "me@example.org"))
		seen := sighting(*now, "session-1")
		seen.Address = "me@example.org"
		r.Seen(seen)
		pass := make(chan error, 1)
		go func() { pass <- r.writeDue(t.Context()) }()
		time.Sleep(20 * time.Millisecond) // it rests
		began := time.Now()
		if err := r.FlushOf(t.Context(), "me@example.org"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 10*time.Millisecond {
			t.Errorf("took %v", took)
		}
		r.writing.Lock()
		_, mine := s.stamps["mine"]
		_, session := s.stamps["session-1"]
		if !mine || !session || len(s.events) != batch+1 {
			t.Errorf("login %v, session %v, %d events", mine, session, len(s.events))
		}
		r.writing.Unlock()
		if err := <-pass; err != nil || len(s.events) != 3*batch+1 || s.writes != 4 {
			t.Errorf("%v, %d events in %d writes", err, len(s.events), s.writes)
		}
		writes := s.writes
		if err := r.FlushOf(t.Context(), "me@example.org"); err != nil || s.writes != writes {
			t.Errorf("%v, %d writes of nothing", err, s.writes-writes)
		}
	})
}

// A full table has room again with each batch that is on record, not only when
// all is.
func TestFullTableHasRoomSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(10 * time.Millisecond)
		fill := func(word string, n int) {
			for i := range n {
				r.Login(login(*now, store.Accepted, fmt.Sprint(word, i), "192.0.2.1"))
			}
		}
		fill("app", maxKeys+1)
		ctx, cancel := context.WithCancel(t.Context())
		pass := make(chan error, 1)
		go func() { pass <- r.writeDue(ctx) }()
		time.Sleep(20 * time.Millisecond)
		fill("new", batch)
		if accepted, _ := r.Lost(); accepted != 1 {
			t.Errorf("lost %d", accepted)
		}
		fill("more", 7)
		if accepted, _ := r.Lost(); accepted != 8 {
			t.Errorf("lost %d", accepted)
		}
		time.Sleep(100 * time.Millisecond)
		fill("again", batch)
		if accepted, _ := r.Lost(); accepted != 8 {
			t.Errorf("lost %d", accepted)
		}
		cancel()
		if err := <-pass; err == nil {
			t.Error("it went on")
		}
		if err := r.Flush(t.Context()); err != nil || len(s.events) != maxKeys+2*batch+1 { // and one that tells of losses
			t.Errorf("%v, %d events", err, len(s.events))
		}
	})
}

// An error after all is stored, as of pruning, makes no second event of the same
// login.
func TestErrorAfterWriting(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	s.late = errors.New("pruning failed")
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	if err := r.Flush(t.Context()); !errors.Is(err, s.late) || len(s.events) != 1 {
		t.Errorf("%v, %d events", err, len(s.events))
	}
	s.late = nil
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	if err := r.Flush(t.Context()); err != nil || len(s.events) != 1 {
		t.Errorf("%v, %d events", err, len(s.events))
	}
	for _, ev := range s.events {
		if ev.Count != 2 {
			t.Errorf("%+v", ev)
		}
	}
}

// Losses are told once, also where a flush and what is due end at the same time.
func TestLossesAreToldOnce(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	for i := range maxKeys + 5 {
		r.Login(login(*now, store.Rejected, fmt.Sprint(i), "192.0.2.1"))
	}
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			if err := r.writeAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	told := 0
	for _, ev := range s.events {
		if ev.Kind == store.EventEventsLost {
			told += int(ev.Count)
		}
	}
	if told != 5 || len(s.events) != maxKeys+1 {
		t.Errorf("told of %d, %d events", told, len(s.events))
	}
}

// A flood of guesses and accepted logins have half of each batch.
func TestBatchesAreShared(t *testing.T) {
	p := pending{refused: make([]waiting, 2*batch), accepted: make([]waiting, batch/2+10)}
	for _, want := range []struct{ entries, refused, accepted int }{
		{batch, 3 * batch / 2, 10}, {batch, batch/2 + 10, 0}, {batch/2 + 10, 0, 0},
	} {
		entries, _ := p.next()
		if len(entries) != want.entries || len(p.refused) != want.refused || len(p.accepted) != want.accepted {
			t.Errorf("%d entries; %d and %d left; want %v", len(entries), len(p.refused), len(p.accepted), want)
		}
	}
	p = pending{accepted: make([]waiting, batch)}
	if entries, _ := p.next(); len(entries) != batch || !p.empty() {
		t.Errorf("%d entries alone", len(entries))
	}
}

// After a batch that the disk has held up the rest is no longer than 5 s.
func TestRestIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		s.slowly(20 * time.Second)
		for i := range batch + 1 {
			r.Login(login(*now, store.Accepted, fmt.Sprint("app", i), "192.0.2.1"))
		}
		began := time.Now()
		if err := r.writeDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 40*time.Second+restMost {
			t.Errorf("took %v", took)
		}
	})
}
