// Package audit keeps the record of who tried to log in, when, from where, by
// which credential, and what came of it.
//
// Logins are not changes: an account is none the worse if the note of one is
// lost, and there may be a hundred thousand of them in a second. So they are
// merged in memory, by account, credential, service, network and verdict, and
// written about once a second, at most [batch] records in one transaction, so
// that a change to an account never waits long behind them.
//
// What is new is on disk within a second or so; that second is what a crash can
// lose. When more is new than can be written in a tenth of the time (a thousand or two
// of logins in a second, each by a credential that was not seen for an hour), the
// rest waits its turn: logins have the processors, and changes the disk. The repetition of a login that is already on record (same credential,
// service and network) only moves a count and a time forward: for accepted
// logins that is written every ten minutes, at shutdown, and before anybody
// reads ([Recorder.Flush]).
//
// Accepted and refused logins have separate tables, so that a flood of guesses
// cannot push the record of real logins out. A full table drops only its own
// kind, counts what it dropped, and an event says how many.
//
// That a portal session was seen again ([Recorder.Seen]) is merged by session and
// written with the next batch, without an event.
//
// Changes to accounts (a password set, a phone bound) are not recorded here:
// their events are written in the transaction that makes the change.
package audit

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

const (
	interval   = time.Second
	mergeFor   = time.Hour        // a later login begins a new event
	acceptedAt = 10 * time.Minute // how often an accepted login's repetitions are written
	maxKeys    = 32768            // in each table; an entry is about 500 bytes, and its texts
	maxText    = 128              // bytes of a text that comes from a mail program
	batch      = 500              // events in one transaction, with as many stamps: about 50 ms
)

// Sink is where merged events go: [store.Store]. It is called by one goroutine
// at a time. An event that has no ID is new, and is given one in the slice.
type Sink interface {
	WriteMerged(ctx context.Context, events []store.Event, uses []store.Use) error
}

// Recorder merges login events and writes them. Its methods may be called at
// the same time.
type Recorder struct {
	sink Sink
	log  *slog.Logger
	now  func() time.Time

	flushes flushes
	writing sync.Mutex // held while something is written: at most one call does

	mu       sync.Mutex // guards the tables
	accepted table
	refused  table
	seen     seen
}

// key is what makes two logins one event.
type key struct {
	kind       store.EventKind
	account    store.AccountID
	address    string // of an account that cannot be read, whose id is not known; else ""
	credential string
	service    string
	network    netip.Prefix
	outcome    store.Outcome
	reason     store.Reason
	counted    bool
}

type entry struct {
	event   store.Event
	written time.Time // when the event was last given to the sink; zero: never
	dirty   bool      // changed since
}

// table holds the entries of one kind.
type table struct {
	entries map[key]*entry
	losses
	swept bool // full, and holds nothing that could be forgotten before the next write
}

// losses counts what was dropped because a table was full.
type losses struct {
	lost uint64
	told uint64 // how many of them an event tells of
}

// New returns a Recorder that writes to sink.
func New(sink Sink, now func() time.Time, log *slog.Logger) *Recorder {
	return &Recorder{
		sink:     sink,
		log:      log,
		now:      now,
		flushes:  flushes{turn: make(chan struct{}, 1)},
		accepted: table{entries: make(map[key]*entry)},
		refused:  table{entries: make(map[key]*entry)},
		seen:     seen{uses: make(map[seenKey]store.Use)},
	}
}

// Login records one verdict. It does not block on the store. The event's Last
// and Count are set here.
func (r *Recorder) Login(ev store.Event) {
	clip(&ev)
	r.logLine(&ev)
	k := keyOf(&ev)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tableOf(&ev)
	if e, found := t.entries[k]; found && ev.Time.Sub(e.event.Time) < mergeFor {
		e.event.Last, e.event.Addr, e.event.Session = ev.Time, ev.Addr, ev.Session
		if ev.ClientID != "" {
			e.event.ClientID = ev.ClientID
		}
		e.event.Count++
		e.dirty = true
		return
	} else if found && e.dirty {
		// Its hour is over and its end is not on record yet. One hour more is
		// a lesser untruth than losing the count.
		e.event.Last = ev.Time
		e.event.Count++
		return
	}
	if len(t.entries) >= maxKeys && !t.swept {
		t.forgetWritten()
		t.swept = len(t.entries) >= maxKeys
	}
	if len(t.entries) >= maxKeys {
		t.lost++
		return
	}
	ev.Last, ev.Count = ev.Time, 1
	t.entries[k] = &entry{event: ev, dirty: true}
}

func keyOf(ev *store.Event) key {
	k := key{ev.Kind, ev.AccountID, "", ev.Credential, ev.Service, ev.Network, ev.Outcome, ev.Reason, ev.Counted}
	if ev.AccountID == (store.AccountID{}) {
		k.address = ev.Address
	}
	return k
}

func (r *Recorder) tableOf(ev *store.Event) *table {
	if ev.Outcome == store.Accepted {
		return &r.accepted
	}
	return &r.refused
}

// clip cuts what a mail program or mail server chose to say of itself, and lets
// go of the line it came in. The store would cut it, too, but later.
func clip(ev *store.Event) {
	for _, text := range []*string{&ev.Service, &ev.Mechanism, &ev.Session, &ev.ClientID} {
		clipText(text)
	}
}

func clipText(text *string) {
	if len(*text) > maxText {
		*text = strings.Clone(strings.ToValidUTF8((*text)[:maxText], ""))
	}
}

// logLine tells the log: refusals at Info, accepted logins at Debug. The name
// is shown only if there is such an account, because people type passwords into
// the name field.
func (r *Recorder) logLine(ev *store.Event) {
	level := slog.LevelInfo
	if ev.Outcome == store.Accepted {
		level = slog.LevelDebug
	}
	if !r.log.Enabled(context.Background(), level) {
		return
	}
	r.log.Log(context.Background(), level, string(ev.Kind),
		"verdict", ev.Outcome, "reason", ev.Reason, "account", ev.Address, "credential", ev.Credential,
		"service", ev.Service, "mechanism", ev.Mechanism, "addr", ev.Addr, "session", ev.Session)
}

// forgetWritten drops the entries whose event is on record as it is.
func (t *table) forgetWritten() {
	for k, e := range t.entries {
		if !e.dirty {
			delete(t.entries, k)
		}
	}
}

// Run writes about once a second until ctx ends, and everything at its end.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := r.writeDue(ctx); ctx.Err() == nil { // else all is written below
				r.report(err)
			}
		case <-ctx.Done():
			r.report(r.writeAll(context.WithoutCancel(ctx)))
			return
		}
	}
}

// Lost returns how many accepted and how many refused logins were dropped
// because their table was full.
func (r *Recorder) Lost() (accepted, refused uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted.lost, r.refused.lost
}

func (r *Recorder) report(err error) {
	if err != nil {
		r.log.Error("login events not written, will try again", "error", err)
	}
}
