package portal

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Bounds of sign-ins under way: each waits for its hash, and each refusal for
// its age. Whoever comes when there is no room is told to try again, before
// anything is looked at.
const (
	maxWaiting        = 2048
	maxWaitingNetwork = 128 // of one place, so that one cannot shut out the others
)

// waiting counts who waits, for a hash or for the rest of a form.
type waiting struct {
	most, mostOfOne int

	mu    sync.Mutex // guards all below
	all   int
	count map[netip.Prefix]int
}

func newWaiting(most, mostOfOne int) *waiting {
	return &waiting{most: most, mostOfOne: mostOfOne, count: make(map[netip.Prefix]int)}
}

// enter takes a place, which leave gives back; false: there is none.
func (q *waiting) enter(from netip.Prefix) (leave func(), room bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all >= q.most || q.count[from] >= q.mostOfOne {
		return nil, false
	}
	q.all++
	q.count[from]++
	return func() { q.leave(from) }, true
}

func (q *waiting) leave(from netip.Prefix) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	if q.count[from]--; q.count[from] == 0 {
		delete(q.count, from)
	}
}

// age blocks until the answer to what arrived then is as old as every refusal;
// false: nobody waits for it any more.
func (s *Server) age(ctx context.Context, arrived time.Time) bool {
	timer := time.NewTimer(arrived.Add(time.Duration(s.Config().Auth.FailureDelay)).Sub(s.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
