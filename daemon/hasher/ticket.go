package hasher

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

type ticketState uint8

const (
	ticketReserved ticketState = iota
	ticketWaiting              // in its line
	ticketRunning              // with a worker
	ticketDone                 // answered, withdrawn or released
)

// A Ticket is room for one job. See [Pool.Reserve].
type Ticket struct {
	pool     *Pool
	queue    Queue
	reserved time.Time     // zero: as long as it takes
	done     chan struct{} // closed with the answer

	// Guarded by pool.mu; answer and err also by done.
	line   *line
	state  ticketState
	job    request
	tries  int // workers that died over it
	answer reply
	err    error
}

// Match waits for its turn and reports whether the password belongs to the
// stored hash. If ctx ends while the job waits, it leaves the queue and Match
// returns ctx.Err(); a try that is being hashed then is finished and its answer
// returned, unless it takes a third of the budget more: ErrBusy, from a worker
// that is stuck. Other errors: those of secret.Match, ErrBusy, ErrWorkerDied,
// ErrClosed, ErrTooLong, ErrTicketUsed.
func (t *Ticket) Match(ctx context.Context, stored string, s secret.Secret) (bool, error) {
	r, err := t.do(ctx, request{kind: kindMatch, stored: stored, password: s})
	return r.matches, err
}

// Release gives the room back. After Match or another Release it does nothing,
// so it may be deferred.
func (t *Ticket) Release() {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	if t.state == ticketReserved {
		t.state = ticketDone
		t.pool.queues[t.queue].leave(t.line)
	}
}

// Pretend is Match without a password: it waits for its turn, has a worker do
// nothing for as long as jobs took of late, and fails as Match does. So whoever
// is refused without a hash (an account that may not use its main password, a
// name that does not exist) takes up the room of a hash, and is answered if and
// only if a hash would have been: neither how much room is left nor who is told
// to try again says anything of the account.
func (t *Ticket) Pretend(ctx context.Context) error {
	_, err := t.do(ctx, request{kind: kindIdle})
	return err
}

func (t *Ticket) do(ctx context.Context, job request) (reply, error) {
	if err := job.check(); err != nil {
		t.Release()
		return reply{}, err
	}
	if err := ctx.Err(); err != nil {
		t.Release()
		return reply{}, err
	}
	if err := t.submit(job); err != nil {
		return reply{}, err
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		if t.withdraw() {
			return reply{}, ctx.Err()
		}
		grace := time.NewTimer(t.pool.opts.Budget / 3)
		defer grace.Stop()
		select {
		case <-t.done:
		case <-grace.C:
			return reply{}, ErrBusy
		}
	}
	return t.answer, t.err
}

func (t *Ticket) submit(job request) error {
	p := t.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.state != ticketReserved {
		return ErrTicketUsed
	}
	if err := p.unableLocked(); err != nil {
		t.state = ticketDone
		p.queues[t.queue].leave(t.line)
		return err
	}
	t.job, t.state, t.done = job, ticketWaiting, make(chan struct{})
	t.line.waiting = append(t.line.waiting, t)
	p.wake.Signal()
	return nil
}

// unableLocked says why no job can be done at all, if so.
func (p *Pool) unableLocked() error {
	switch {
	case p.closed:
		return ErrClosed
	case p.resting == len(p.slots):
		return ErrWorkerDied
	}
	return nil
}

// withdraw takes the job out of its line. False if it is not waiting any more.
func (t *Ticket) withdraw() bool {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	if t.state != ticketWaiting {
		return false
	}
	t.state, t.job = ticketDone, request{}
	t.pool.queues[t.queue].withdraw(t)
	return true
}
