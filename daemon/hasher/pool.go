package hasher

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Queue says which doors a job comes from.
type Queue uint8

// The two queues. They take turns whenever both have jobs waiting.
const (
	Mail   Queue = iota // mail servers
	Portal              // people and administrators
	queues              // how many there are
)

// Pool does the slow hashing of one daemon. Its methods may be called from any
// goroutine.
type Pool struct {
	opts Options
	stop chan struct{} // closed by Close
	wg   sync.WaitGroup

	mu       sync.Mutex // guards all below and the state of every ticket
	wake     sync.Cond  // on mu: a job was added, a worker is gone, or closed is set
	queues   [queues]queue
	turn     Queue // the queue that is asked first next time
	slots    []slot
	running  int           // jobs being hashed
	resting  int           // slots that wait before they start another worker
	cost     time.Duration // moving average of one job
	measured bool          // a job has been: until then cost is a guess
	sparing  bool          // a HashSpare is under way
	closed   bool
}

// New makes a pool and starts its workers in the background, so that a daemon is
// up at once; jobs that come before the first worker is ready wait for it. It
// fails inside a process that is itself a worker.
func New(o Options) (*Pool, error) {
	o = o.withDefaults()
	if o.Start != nil {
		return newPool(o), nil
	}
	s, err := newStarter(o)
	if err != nil {
		return nil, err
	}
	o.Start = s.start
	p := newPool(o)
	p.wg.Go(func() { s.run(p.stop) })
	return p, nil
}

func newPool(o Options) *Pool {
	p := &Pool{opts: o, stop: make(chan struct{}), cost: o.firstCost(), slots: make([]slot, o.Workers)}
	p.wake.L = &p.mu
	for i := range p.queues {
		p.queues[i] = newQueue()
	}
	for i := range p.slots {
		p.wg.Go(func() { p.keepWorker(&p.slots[i]) })
	}
	return p
}

// Reserve asks for room for one job from the given network (the zero prefix is a
// network like any other: everybody whose address is not known). It never
// blocks. False means that the answer could not be there within the budget.
// Otherwise one of the ticket's Match, Pretend and Release must follow.
func (p *Pool) Reserve(q Queue, network netip.Prefix) (*Ticket, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hasRoomLocked(q, network) {
		return nil, false
	}
	return p.ticketLocked(q, network, p.opts.Now()), true
}

// Hash makes the hash of a new password at the pool's cost, in PHC form. It
// waits as long as ctx allows, whatever the budget; ErrBusy if even the queue's
// hard cap is reached.
func (p *Pool) Hash(ctx context.Context, q Queue, s secret.Secret) (string, error) {
	p.mu.Lock()
	if p.queues[q].tickets >= p.opts.MaxTickets {
		p.mu.Unlock()
		return "", ErrBusy
	}
	t := p.ticketLocked(q, netip.Prefix{}, time.Time{})
	p.mu.Unlock()
	r, err := t.do(ctx, request{kind: kindHash, cost: p.opts.Cost, password: s})
	return r.hash, err
}

// Close ends the workers and waits until they are gone. Jobs that are waiting or
// being hashed answer ErrClosed.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.wg.Wait()
		return nil
	}
	p.closed = true
	close(p.stop)
	p.failWaitingLocked(ErrClosed)
	p.wake.Broadcast()
	var live []Worker
	for i := range p.slots {
		if w := p.slots[i].worker; w != nil {
			live = append(live, w)
		}
	}
	p.mu.Unlock()

	var first error
	for _, w := range live {
		if err := w.Close(); err != nil && first == nil {
			first = fmt.Errorf("hasher: ending a worker: %w", err)
		}
	}
	p.wg.Wait()
	return first
}

func (p *Pool) ticketLocked(q Queue, network netip.Prefix, now time.Time) *Ticket {
	t := &Ticket{pool: p, queue: q, reserved: now}
	t.line = p.queues[q].join(network)
	return t
}

// nextLocked takes the job whose turn it is, or nil. Jobs nobody waits for any
// more are answered on the way.
func (p *Pool) nextLocked() *Ticket {
	for tried := Queue(0); tried < queues; {
		t := p.queues[p.turn].take()
		if t != nil && p.tooLateLocked(t) {
			p.answerLocked(t, reply{}, ErrBusy)
			continue
		}
		p.turn = (p.turn + 1) % queues
		if t != nil {
			return t
		}
		tried++
	}
	return nil
}

// tooLateLocked holds for a job that has waited twice the budget. A job without
// a reservation time has no budget.
func (p *Pool) tooLateLocked(t *Ticket) bool {
	return !t.reserved.IsZero() && p.opts.Now().Sub(t.reserved) > 2*p.opts.Budget
}

func (p *Pool) answerLocked(t *Ticket, r reply, err error) {
	t.state, t.answer, t.err = ticketDone, r, err
	t.job = request{} // the secret is not needed any more
	close(t.done)
}

func (p *Pool) failWaitingLocked(err error) {
	for i := range p.queues {
		for t := p.queues[i].take(); t != nil; t = p.queues[i].take() {
			p.answerLocked(t, reply{}, err)
		}
	}
}
