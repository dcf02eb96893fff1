package hasher

import (
	"net/netip"
	"slices"
)

// A queue holds the jobs of one kind of door in one line for each network. The
// lines stand in a ring and give up one job in turn. It has no lock of its own:
// the pool's guards it.
type queue struct {
	lines   map[netip.Prefix]*line
	ring    []*line
	next    int // index in ring of the line whose turn it is
	tickets int // of all lines
}

// A line is the jobs of one network, in the order in which they were handed in.
type line struct {
	network netip.Prefix
	tickets int // reserved or waiting; never 0 while the line is in the ring
	waiting []*Ticket
}

func newQueue() queue { return queue{lines: make(map[netip.Prefix]*line)} }

// join adds one ticket to the line of a network. A new line goes to the end of
// the current round.
func (q *queue) join(network netip.Prefix) *line {
	l := q.lines[network]
	if l == nil {
		l = &line{network: network}
		q.lines[network] = l
		q.ring = slices.Insert(q.ring, q.next, l)
		q.next = (q.next + 1) % len(q.ring)
	}
	l.tickets++
	q.tickets++
	return l
}

// leave takes one ticket out of a line, and the line out of the ring with its
// last one.
func (q *queue) leave(l *line) {
	l.tickets--
	q.tickets--
	if l.tickets > 0 {
		return
	}
	delete(q.lines, l.network)
	i := slices.Index(q.ring, l)
	q.ring = slices.Delete(q.ring, i, i+1)
	if i < q.next {
		q.next--
	}
	if q.next == len(q.ring) {
		q.next = 0
	}
}

// take removes and returns the job whose turn it is, or nil if no job waits.
// Lines that hold nothing but reservations keep their place.
func (q *queue) take() *Ticket {
	for range q.ring {
		l := q.ring[q.next]
		q.next = (q.next + 1) % len(q.ring)
		if len(l.waiting) == 0 {
			continue
		}
		t := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		q.leave(l)
		return t
	}
	return nil
}

// putBack makes a taken job the first of its network again, and its network the
// next one to be served.
func (q *queue) putBack(t *Ticket) {
	t.line = q.join(t.line.network)
	t.line.waiting = slices.Insert(t.line.waiting, 0, t)
	q.next = slices.Index(q.ring, t.line)
}

// withdraw removes a waiting job.
func (q *queue) withdraw(t *Ticket) {
	i := slices.Index(t.line.waiting, t)
	t.line.waiting = slices.Delete(t.line.waiting, i, i+1)
	q.leave(t.line)
}

// ahead is how many jobs of this queue would be served before one more of the
// given network, if every reservation is used: all of its own, and from every
// other network as many as there are rounds until then.
func (q *queue) ahead(network netip.Prefix) int {
	own := 0
	if l := q.lines[network]; l != nil {
		own = l.tickets
	}
	n := own
	for _, l := range q.ring {
		if l.network != network {
			n += min(l.tickets, own+1)
		}
	}
	return n
}
