package hasher

import (
	"net/netip"
	"time"
)

// hasRoomLocked decides whether one more job would be answered within the
// budget. An idle worker is always given work, whatever jobs are said to cost:
// else one dear job would keep out all others and the average could never fall.
func (p *Pool) hasRoomLocked(q Queue, network netip.Prefix) bool {
	able := len(p.slots) - p.resting
	own := &p.queues[q]
	if p.closed || able <= 0 || own.tickets >= p.opts.MaxTickets {
		return false
	}
	others := &p.queues[(q+1)%queues]
	if p.running+own.tickets+others.tickets < able {
		return true
	}
	ahead := own.ahead(network)
	ahead += min(others.tickets, ahead+1) // the queues take turns
	jobs := ahead + p.running + 1
	rounds := (jobs + able - 1) / able
	return time.Duration(rounds)*p.cost <= p.opts.Budget
}

// measuredLocked takes the duration of a finished job into the moving average:
// the last eight or so jobs decide. The first one takes the place of the guess.
func (p *Pool) measuredLocked(d time.Duration) {
	if !p.measured {
		p.measured, p.cost = true, d
		return
	}
	p.cost += (d - p.cost) / 8
}
