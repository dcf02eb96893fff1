package audit

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// writeShare bounds what writing by the way takes of the time, with the disk and
// with a processor: one part in writeShare. A new event of an account costs as
// much processor time as several logins, because it changes pages all over the file.
const writeShare = 10

// restMost bounds the rest after a batch that a disk has held up.
const restMost = 5 * time.Second

// scope says whose records are written: those of one address each, or everybody's.
// Both whether they are due or not.
type scope struct {
	all       bool
	addresses map[string]bool
}

func (s scope) takes(address string) bool { return s.all || s.addresses[address] }

// pending is what one writing has before it. Nothing of it is copied until its
// batch has its turn: another writing may have been faster.
type pending struct {
	refused, accepted []waiting
	seen              []seenKey
}

// waiting is an entry and when it was seen last, at the time it was taken.
type waiting struct {
	*entry
	last time.Time
}

func (p *pending) empty() bool { return len(p.refused)+len(p.accepted)+len(p.seen) == 0 }

// next takes the next batch off: half of it for accepted logins while there are
// some, so that they do not wait behind a flood of guesses, nor guesses behind them.
func (p *pending) next() ([]waiting, []seenKey) {
	accepted := min(len(p.accepted), max(batch/2, batch-len(p.refused)))
	refused := min(len(p.refused), batch-accepted)
	entries := slices.Concat(p.refused[:refused], p.accepted[:accepted])
	seen := p.seen[:min(len(p.seen), 2*(batch-len(entries)))]
	p.refused, p.accepted, p.seen = p.refused[refused:], p.accepted[accepted:], p.seen[len(seen):]
	return entries, seen
}

// writeDue writes what is due, with a rest after each batch. It ends early with ctx.
func (r *Recorder) writeDue(ctx context.Context) error {
	p := r.takeDue()
	for !p.empty() {
		took, err := r.writeBatch(ctx, &p)
		if err != nil {
			return err
		}
		if p.empty() {
			break
		}
		select {
		case <-time.After(min((writeShare-1)*took, restMost)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return r.tellLosses(ctx)
}

func (r *Recorder) writeAll(ctx context.Context) error { return r.writeScope(ctx, scope{all: true}) }

// writeScope writes all of a scope without a rest.
func (r *Recorder) writeScope(ctx context.Context, s scope) error {
	p := r.take(s)
	for !p.empty() {
		if _, err := r.writeBatch(ctx, &p); err != nil {
			return err
		}
	}
	if !s.all {
		return nil
	}
	return r.tellLosses(ctx)
}

// writeBatch gives the sink the next batch of what is still to be written, and
// tells how long that took, by the machine's clock: it is about the disk. What it
// could not write stays in its table, under the ids that it was given: the sink may
// have written it all the same.
func (r *Recorder) writeBatch(ctx context.Context, p *pending) (time.Duration, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	began := time.Now()
	entries, seen := p.next()
	chunk, sightings := r.copyDirty(entries), r.copySeen(seen)
	if len(chunk)+len(sightings) == 0 {
		return 0, nil
	}
	events, uses := make([]store.Event, len(chunk)), make([]store.Use, 0, len(chunk)+len(sightings))
	for i, d := range chunk {
		events[i] = d.event
		if d.event.Outcome == store.Accepted {
			uses = append(uses, stamp(&d.event))
		}
	}
	if err := r.sink.WriteMerged(ctx, events, append(uses, sightings...)); err != nil {
		r.keepIDs(chunk, events)
		return 0, err
	}
	r.settle(chunk, events)
	r.settleSeen(sightings)
	return time.Since(began), nil
}

func (r *Recorder) keepIDs(chunk []copied, given []store.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range chunk {
		c.entry.event.ID = given[i].ID
	}
}

// stamp is the last use that an accepted login is of its credential.
func stamp(ev *store.Event) store.Use {
	return store.Use{
		Address:    ev.Address,
		AccountID:  ev.AccountID,
		Credential: ev.Credential,
		LastUse:    store.LastUse{Time: ev.Last, Addr: ev.Addr, Service: ev.Service, ClientID: ev.ClientID},
	}
}

// take returns all of a scope that is not on record, the oldest first.
func (r *Recorder) take(s scope) pending {
	var p pending
	r.mu.Lock()
	for t, list := range r.tables(&p) {
		for _, e := range t.entries {
			if e.dirty && s.takes(e.event.Address) {
				*list = append(*list, waiting{e, e.event.Last})
			}
		}
	}
	for k, u := range r.seen.uses {
		if s.takes(u.Address) {
			p.seen = append(p.seen, k)
		}
	}
	r.mu.Unlock()
	p.sort()
	return p
}

// takeDue returns what is due, and forgets what is on record and over.
func (r *Recorder) takeDue() pending {
	now := r.now()
	var p pending
	r.mu.Lock()
	for t, list := range r.tables(&p) {
		all := t.swept // to make room
		t.swept = false
		for k, e := range t.entries {
			repeated := e.event.Outcome == store.Accepted && !e.written.IsZero()
			switch {
			case e.dirty && (all || !repeated || now.Sub(e.written) >= acceptedAt):
				*list = append(*list, waiting{e, e.event.Last})
			case !e.dirty && now.Sub(e.event.Time) >= mergeFor:
				delete(t.entries, k)
			}
		}
	}
	for k := range r.seen.uses {
		p.seen = append(p.seen, k)
	}
	r.mu.Unlock()
	p.sort()
	return p
}

// tables are the two, each with its list.
func (r *Recorder) tables(p *pending) map[*table]*[]waiting {
	return map[*table]*[]waiting{&r.refused: &p.refused, &r.accepted: &p.accepted}
}

func (p *pending) sort() {
	for _, list := range [][]waiting{p.refused, p.accepted} {
		slices.SortFunc(list, func(a, b waiting) int { return a.last.Compare(b.last) })
	}
}

// copied is an entry's event as it was when it was given to the sink.
type copied struct {
	entry *entry
	event store.Event
}

// copyDirty copies the events of those entries that are still to be written.
func (r *Recorder) copyDirty(entries []waiting) []copied {
	list := make([]copied, 0, len(entries))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range entries {
		if w.dirty {
			list = append(list, copied{w.entry, w.event})
		}
	}
	return list
}

// settle marks what was written, unless it went on meanwhile. From a full table
// what is on record goes.
func (r *Recorder) settle(chunk []copied, written []store.Event) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range chunk {
		e := c.entry
		e.event.ID = written[i].ID
		e.written = now
		e.dirty = e.event.Count != c.event.Count
		if t := r.tableOf(&e.event); t.swept && !e.dirty {
			delete(t.entries, keyOf(&e.event))
		}
	}
}

// tellLosses writes an event for what full tables have dropped since the last
// one.
func (r *Recorder) tellLosses(ctx context.Context) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	for kind, t := range map[string]*losses{
		"accepted logins": &r.accepted.losses, "refused logins": &r.refused.losses, "sessions seen": &r.seen.losses,
	} {
		r.mu.Lock()
		lost := t.lost
		n := lost - t.told
		r.mu.Unlock()
		if n == 0 {
			continue
		}
		now := r.now()
		r.log.Warn("login events lost: table full", "kind", kind, "lost", n)
		loss := store.Event{Time: now, Last: now, Count: uint32(min(n, math.MaxUint32)), Kind: store.EventEventsLost, Detail: kind}
		if err := r.sink.WriteMerged(ctx, []store.Event{loss}, nil); err != nil {
			return err
		}
		r.mu.Lock()
		t.told = lost
		r.mu.Unlock()
	}
	return nil
}
