package audit

import (
	"context"
	"sync"
	"time"
)

// flushShare bounds what flushes that follow each other take of the time: one
// part in flushShare. A smaller part would keep people waiting for their pages: with
// a tenth, a few of them who look at once wait 40 ms.
const flushShare = 2

// flush is one writing of what is in memory, for any number of callers that wait
// for it.
type flush struct {
	scope scope         // of all of them; grows until it begins
	done  chan struct{} // closed when it has ended
	err   error         // set before
}

// flushes makes of any number of callers one flush after the other.
type flushes struct {
	mu   sync.Mutex
	next *flush // has not looked at the tables yet: who joins it misses nothing; nil: none waits

	turn chan struct{} // full while it is a flush's turn; guards rest
	rest time.Time     // before then the next one does not begin
}

// Flush writes all that was recorded before the call: call it before reading the
// events of everybody. What could not be written stays for the next time.
func (r *Recorder) Flush(ctx context.Context) error { return r.flush(ctx, "") }

// FlushOf writes all that was recorded of one address before the call: call it
// before reading its events or last uses. Where nothing waits for that it costs no
// look at the disk, and however much waits of others it need not wait for that,
// unless somebody has all of it flushed.
//
// Any visitor can make the portal call it as often as he loads a page. So who
// comes while one flush is going on waits for the next together with all others,
// and that one begins only after a rest of as long as the last one took, a second
// at most: pages that are loaded in a loop have half of the disk and of the tables'
// lock, and logins and changes the rest. Who comes alone waits for nobody.
func (r *Recorder) FlushOf(ctx context.Context, address string) error { return r.flush(ctx, address) }

// flush joins the next flush for an address, "" for all.
func (r *Recorder) flush(ctx context.Context, address string) error {
	r.flushes.mu.Lock()
	f := r.flushes.next
	first := f == nil
	if first {
		f = &flush{done: make(chan struct{}), scope: scope{addresses: make(map[string]bool)}}
		r.flushes.next = f
	}
	if address == "" {
		f.scope.all = true
	} else {
		f.scope.addresses[address] = true
	}
	r.flushes.mu.Unlock()
	if first {
		r.runFlush(context.WithoutCancel(ctx), f) // the others must not lose it to this caller's impatience
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runFlush waits for the flush's turn and its rest, and writes. The rest is taken
// by the machine's clock: it is about the disk, not about what is recorded.
func (r *Recorder) runFlush(ctx context.Context, f *flush) {
	s := &r.flushes
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if pause := time.Until(s.rest); pause > 0 {
		time.Sleep(pause)
	}
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	began := time.Now()
	f.err = r.writeScope(ctx, f.scope)
	s.rest = time.Now().Add(min((flushShare-1)*time.Since(began), interval))
	close(f.done)
}
