package audit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

func sighting(at time.Time, credential string) store.Use {
	return store.Use{Address: "u@example.org", AccountID: store.AccountID{1}, Credential: credential,
		LastUse: store.LastUse{Time: at, Addr: netip.MustParseAddr("192.0.2.1"), Service: "portal"}}
}

// Several sightings are one stamp, the latest, in the next write, and no event.
func TestSeenIsMerged(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	late := sighting(now.Add(time.Minute), "session-1")
	late.Addr = netip.MustParseAddr("2001:db8::1")
	r.Seen(sighting(*now, "session-1"))
	r.Seen(late)
	r.Seen(sighting(now.Add(time.Second), "session-1"))
	r.Seen(sighting(*now, "session-2"))
	if s.writes != 0 {
		t.Error("Seen writes")
	}
	if err := r.writeDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.writes != 1 || len(s.events) != 0 || len(s.stamps) != 2 || s.stamps["session-1"] != late.LastUse {
		t.Errorf("%d writes, %d events, stamps %+v", s.writes, len(s.events), s.stamps)
	}
	if err := r.Flush(t.Context()); err != nil || s.writes != 1 {
		t.Errorf("written again: %d writes, %v", s.writes, err)
	}
}

// The same credential of two accounts is two.
func TestSeenByAccount(t *testing.T) {
	r, _, now, _ := newRecorder(t)
	other := sighting(*now, "session-1")
	other.AccountID = store.AccountID{2}
	r.Seen(sighting(*now, "session-1"))
	r.Seen(other)
	if n := len(r.takeDue().seen); n != 2 {
		t.Errorf("%d sightings", n)
	}
}

// Sightings travel with events where there is room, and never more than the
// store takes at once.
func TestSeenFillsBatches(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	for i := range batch + 1 {
		r.Login(login(*now, store.Accepted, fmt.Sprint("app", i), "192.0.2.1"))
	}
	for i := range 2 * batch {
		r.Seen(sighting(*now, fmt.Sprint("session-", i)))
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// 500 events and stamps; one event and stamp, 998 sightings; two sightings.
	if s.writes != 3 || len(s.stamps) != 3*batch+1 || len(s.events) != batch+1 {
		t.Errorf("%d writes, %d stamps, %d events", s.writes, len(s.stamps), len(s.events))
	}
}

// What could not be written, and what was seen during the write, is written the
// next time.
func TestSeenIsNotLost(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	s.err = errors.New("disk full")
	r.Seen(sighting(*now, "session-1"))
	if err := r.Flush(t.Context()); err == nil {
		t.Error("no error")
	}
	s.err = nil
	later := sighting(now.Add(time.Minute), "session-1")
	s.during = func() { s.during = nil; r.Seen(later) }
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.stamps["session-1"].Time != *now {
		t.Errorf("stamp %+v", s.stamps["session-1"])
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.stamps["session-1"] != later.LastUse {
		t.Errorf("lost: stamp %+v", s.stamps["session-1"])
	}
}

// A full table drops what is new in it, counts it and says so; what it holds
// goes on, and so do logins.
func TestSeenIsBounded(t *testing.T) {
	r, s, now, log := newRecorder(t)
	for i := range maxKeys + 7 {
		r.Seen(sighting(*now, fmt.Sprint("session-", i)))
	}
	r.Seen(sighting(now.Add(time.Minute), "session-0"))
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	if n := len(r.seen.uses); n != maxKeys {
		t.Errorf("%d sightings", n)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.stamps) != maxKeys+1 || s.stamps["session-0"].Time != now.Add(time.Minute) {
		t.Errorf("%d stamps, %+v", len(s.stamps), s.stamps["session-0"])
	}
	told := 0
	for _, ev := range s.events {
		if ev.Kind == store.EventEventsLost && ev.Count == 7 && ev.Detail == "sessions seen" {
			told++
		}
	}
	if told != 1 || !strings.Contains(log.String(), "lost=7") {
		t.Errorf("%d events tell of the loss; the log: %s", told, log)
	}
	if accepted, refused := r.Lost(); accepted != 0 || refused != 0 {
		t.Errorf("lost %d and %d logins", accepted, refused)
	}
	if len(r.seen.uses) != 0 {
		t.Errorf("%d sightings after a write", len(r.seen.uses))
	}
}

func TestSeenClipsTexts(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	u := sighting(*now, "session-1")
	u.Service, u.ClientID = strings.Repeat("x", 9000), strings.Repeat("y", 9000)
	r.Seen(u)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.stamps["session-1"]; len(got.Service) != maxText || len(got.ClientID) != maxText {
		t.Errorf("%+v", got)
	}
}

func TestRunWritesSightings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		r.Seen(sighting(*now, "session-1"))
		time.Sleep(interval + time.Millisecond) // the bubble's clock
		synctest.Wait()
		if len(s.stamps) != 1 {
			t.Errorf("%d stamps after a second", len(s.stamps))
		}
		r.Seen(sighting(*now, "session-2"))
		cancel()
		<-done
		if len(s.stamps) != 2 {
			t.Errorf("%d stamps at the end", len(s.stamps))
		}
	})
}

// Nothing is lost while sightings and writes go on together.
func TestSeenConcurrent(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	const each, workers = 500, 4
	start := *now
	var seers sync.WaitGroup
	for w := range workers {
		seers.Go(func() {
			for i := range each {
				r.Seen(sighting(start.Add(time.Duration(i)*time.Second), fmt.Sprint("session-", w)))
			}
		})
	}
	for range 50 {
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	seers.Wait()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for w := range workers {
		if got := s.stamps[fmt.Sprint("session-", w)].Time; got != start.Add((each-1)*time.Second) {
			t.Errorf("session %d was seen last at %v", w, got)
		}
	}
}
