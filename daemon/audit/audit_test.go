package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/store"
)

// sink keeps what it is given, an event under its ID as the store does.
type sink struct {
	t      *testing.T
	during func() // called within each write, unless nil
	events map[store.EventID]store.Event
	stamps map[string]store.LastUse
	writes int
	err    error
	late   error // comes when all is stored
	alone  sync.Mutex
}

func (s *sink) WriteMerged(ctx context.Context, events []store.Event, uses []store.Use) error {
	if !s.alone.TryLock() {
		s.t.Error("two writes at a time")
		return nil
	}
	defer s.alone.Unlock()
	if err := errors.Join(s.err, ctx.Err()); err != nil {
		return err
	}
	if len(events)+len(uses) > 1000 || len(events)+len(uses) == 0 {
		s.t.Errorf("%d events and %d stamps in one write", len(events), len(uses))
	}
	s.writes++
	if s.during != nil {
		s.during()
	}
	for i := range events {
		if events[i].ID.IsZero() {
			events[i].ID = store.EventID{byte(len(s.events) >> 16), byte(len(s.events) >> 8), byte(len(s.events)), 1}
		}
		s.events[events[i].ID] = events[i]
	}
	for _, u := range uses {
		s.stamps[u.Credential] = u.LastUse
	}
	return s.late
}

func newRecorder(t *testing.T) (*Recorder, *sink, *time.Time, *strings.Builder) {
	s := &sink{t: t, events: make(map[store.EventID]store.Event), stamps: make(map[string]store.LastUse)}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var log strings.Builder
	r := New(s, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	return r, s, &now, &log
}

func login(at time.Time, outcome store.Outcome, credential, addr string) store.Event {
	a := netip.MustParseAddr(addr)
	network, _ := a.Prefix(32)
	return store.Event{Time: at, Kind: store.EventLogin, Outcome: outcome, AccountID: store.AccountID{1}, Address: "u@example.org",
		Credential: credential, Service: "imap", Addr: a, Network: network}
}

func TestMergesRepetitions(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	start := *now
	step := func(d time.Duration, addr string) {
		*now = start.Add(d)
		r.Login(login(*now, store.Accepted, "app", addr))
		if err := r.writeDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	only := func() store.Event {
		t.Helper()
		if len(s.events) != 1 {
			t.Fatalf("%d events", len(s.events))
		}
		for _, ev := range s.events {
			return ev
		}
		panic("unreachable")
	}
	step(0, "192.0.2.1")
	if ev := only(); ev.Count != 1 || !ev.Last.Equal(start) || s.stamps["app"].Time != start {
		t.Errorf("first: %+v, stamp %+v", ev, s.stamps["app"])
	}
	step(time.Minute, "192.0.2.1")
	step(2*time.Minute, "192.0.2.1")
	if ev := only(); ev.Count != 1 || s.writes != 1 {
		t.Errorf("repetitions written too early: %+v after %d writes", ev, s.writes)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ev := only(); ev.Count != 3 || !ev.Last.Equal(start.Add(2*time.Minute)) || !ev.Time.Equal(start) || s.stamps["app"].Time != ev.Last {
		t.Errorf("after Flush: %+v, stamp %+v", ev, s.stamps["app"])
	}
	step(11*time.Minute, "192.0.2.1")
	if ev := only(); ev.Count != 3 {
		t.Errorf("nine minutes after a write: %+v", ev)
	}
	step(13*time.Minute, "192.0.2.1")
	if ev := only(); ev.Count != 5 {
		t.Errorf("eleven minutes after a write: %+v", ev)
	}
	step(14*time.Minute, "192.0.2.9")
	if len(s.events) != 2 || s.stamps["app"].Addr != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("another place: %d events, stamp %+v", len(s.events), s.stamps["app"])
	}
	step(61*time.Minute, "192.0.2.1")
	if len(s.events) != 3 {
		t.Errorf("a new hour: %d events, want 3", len(s.events))
	}
}

// Refusals are written each time, and leave no stamp.
func TestRefusalsAreWrittenAtOnce(t *testing.T) {
	r, s, now, log := newRecorder(t)
	for range 3 {
		*now = now.Add(time.Second)
		r.Login(login(*now, store.Rejected, "", "192.0.2.1"))
		if err := r.writeDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.events) != 1 || s.writes != 3 || len(s.stamps) != 0 {
		t.Errorf("%d events after %d writes, %d stamps", len(s.events), s.writes, len(s.stamps))
	}
	for _, ev := range s.events {
		if ev.Count != 3 {
			t.Errorf("%+v", ev)
		}
	}
	if n := strings.Count(log.String(), "verdict=rejected"); n != 3 {
		t.Errorf("%d log lines: %s", n, log)
	}
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	if strings.Contains(log.String(), "accepted") {
		t.Errorf("an accepted login in the log at Info: %s", log)
	}
}

// What could not be written is written the next time, under one ID.
func TestFailedWriteIsTriedAgain(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	s.err = errors.New("disk full")
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	if err := r.Flush(t.Context()); err == nil {
		t.Error("no error")
	}
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	s.err = nil
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != 1 {
		t.Errorf("%d events", len(s.events))
	}
	for _, ev := range s.events {
		if ev.Count != 2 {
			t.Errorf("%+v", ev)
		}
	}
}

// A flood of guesses fills the table of refusals, is counted, and leaves the
// table of accepted logins alone.
func TestFullTable(t *testing.T) {
	r, s, now, log := newRecorder(t)
	for i := range maxKeys + 10 {
		r.Login(login(*now, store.Rejected, fmt.Sprint(i), "192.0.2.1"))
	}
	r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
	if accepted, refused := r.Lost(); accepted != 0 || refused != 10 {
		t.Errorf("lost %d and %d", accepted, refused)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != maxKeys+2 {
		t.Errorf("%d events", len(s.events))
	}
	told := 0
	for _, ev := range s.events {
		if ev.Kind == store.EventEventsLost && ev.Count == 10 && ev.Detail == "refused logins" {
			told++
		}
	}
	if told != 1 || !strings.Contains(log.String(), "lost=10") {
		t.Errorf("%d events tell of the loss; the log: %s", told, log)
	}
	// On record now, so there is room again.
	r.Login(login(*now, store.Rejected, "one more", "192.0.2.1"))
	if _, refused := r.Lost(); refused != 10 {
		t.Errorf("lost %d", refused)
	}
}

// Accepted logins that are on record wait ten minutes for their repetitions to
// be written. When they fill the table, they are written early to make room.
func TestFullTableOfRepetitions(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	fill := func(n int) {
		for i := range n {
			r.Login(login(*now, store.Accepted, fmt.Sprint(i), "192.0.2.1"))
		}
	}
	fill(maxKeys)
	if err := r.writeDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Minute)
	fill(maxKeys + 1) // the last one finds no room
	if accepted, _ := r.Lost(); accepted != 1 {
		t.Fatalf("lost %d", accepted)
	}
	if err := r.writeDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Login(login(*now, store.Accepted, "new", "192.0.2.1"))
	if accepted, _ := r.Lost(); accepted != 1 {
		t.Errorf("still no room: lost %d", accepted)
	}
	for _, ev := range s.events {
		if ev.Kind == store.EventLogin && ev.Count != 2 {
			t.Fatalf("not written: %+v", ev)
		}
	}
}

// What mail programs say of themselves is bounded before it is kept.
func TestClipsTexts(t *testing.T) {
	r, s, now, log := newRecorder(t)
	ev := login(*now, store.Rejected, "", "192.0.2.1")
	ev.ClientID = strings.Repeat("\u4e00", 4000)
	ev.Service, ev.Session = strings.Repeat("x", 9000), strings.Repeat("y", 9000)
	r.Login(ev)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kept := range s.events {
		if len(kept.ClientID) > maxText || len(kept.Service) > maxText || len(kept.Session) > maxText || !utf8.ValidString(kept.ClientID) {
			t.Errorf("%+v", kept)
		}
	}
	if log.Len() > 1000 {
		t.Errorf("a log line of %d bytes", log.Len())
	}
}

// The stamp of an accepted login says what the program calls itself, also when
// only a repetition told.
func TestStampNamesTheProgram(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	ev := login(*now, store.Accepted, "app", "192.0.2.1")
	r.Login(ev)
	ev.ClientID = "name=Foxmail"
	r.Login(ev)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := store.LastUse{Time: *now, Addr: ev.Addr, Service: "imap", ClientID: "name=Foxmail"}
	if got := s.stamps["app"]; got != want {
		t.Errorf("stamp %+v, want %+v", got, want)
	}
}

// Only what is the same in kind, too, becomes one event.
func TestKindsStayApart(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	for _, kind := range []store.EventKind{store.EventLogin, store.EventLookup, store.EventCodeFailed} {
		ev := login(*now, store.Rejected, "", "192.0.2.1")
		ev.Kind = kind
		r.Login(ev)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != 3 {
		t.Errorf("%d events", len(s.events))
	}
}

func TestRunWritesAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, now, _ := newRecorder(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
		time.Sleep(interval + time.Millisecond) // the bubble's clock
		synctest.Wait()
		if len(s.events) != 1 {
			t.Errorf("%d events after a second", len(s.events))
		}
		r.Login(login(*now, store.Accepted, "app", "192.0.2.1"))
		cancel()
		<-done
		for _, ev := range s.events {
			if ev.Count != 2 {
				t.Errorf("at the end: %+v", ev)
			}
		}
	})
}

// Nothing is counted twice or lost while logins and writes go on together.
func TestConcurrent(t *testing.T) {
	r, s, now, _ := newRecorder(t)
	const each, workers = 500, 4
	var logins sync.WaitGroup
	for w := range workers {
		logins.Go(func() {
			for i := range each {
				r.Login(login(*now, store.Outcome(1+i%2), fmt.Sprint(w), "192.0.2.1"))
			}
		})
	}
	for range 50 {
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	logins.Wait()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sum uint32
	for _, ev := range s.events {
		sum += ev.Count
	}
	if sum != each*workers || len(s.events) != 2*workers {
		t.Errorf("%d logins in %d events", sum, len(s.events))
	}
}
