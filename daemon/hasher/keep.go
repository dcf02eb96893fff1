package hasher

import (
	"errors"
	"time"
)

// A slot is a place for one worker. Its goroutine (keepWorker) is the only one
// that changes it, under Pool.mu.
type slot struct {
	worker Worker // nil: none now
	gone   bool   // worker has ended by itself
}

const (
	firstPause = 100 * time.Millisecond // before a worker that never finished a job is replaced
	longPause  = 5 * time.Second        // the longest pause
	jobLimit   = 10 * time.Second       // a worker that is stuck for so long is replaced
)

// keepWorker keeps one worker running and feeds it jobs until Close. A worker
// that did at least one job is replaced at once when it dies; one that did none
// is replaced after a pause that doubles.
func (p *Pool) keepWorker(s *slot) {
	pause := firstPause
	for {
		w, err := p.opts.Start()
		jobs := 0
		if err == nil {
			jobs, err = p.useWorker(s, w)
		}
		if p.isClosed() {
			return
		}
		p.opts.Log.Warn("hash worker ended, starting another", "jobs", jobs, "error", err)
		if jobs > 0 {
			pause = firstPause
			continue
		}
		if !p.rest(pause) {
			return
		}
		pause = min(2*pause, longPause)
	}
}

// useWorker gives w jobs until it dies or the pool is closed, ends it, and says
// how many it finished.
func (p *Pool) useWorker(s *slot, w Worker) (int, error) {
	left := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-w.Done():
			p.mu.Lock()
			s.gone = true
			p.wake.Broadcast()
			p.mu.Unlock()
		case <-left:
		}
	}()
	p.mu.Lock()
	s.worker = w
	p.mu.Unlock()
	jobs, err := 0, error(nil)
	for err == nil {
		t := p.waitForJob(s)
		if t == nil {
			err = ErrWorkerDied
			break
		}
		if err = p.doJob(w, t); err == nil {
			jobs++
		}
	}
	close(left)
	<-watched
	p.mu.Lock()
	s.worker, s.gone = nil, false
	p.mu.Unlock()
	return jobs, errors.Join(err, w.Close())
}

// waitForJob returns the next job, or nil if the worker or the pool has ended.
func (p *Pool) waitForJob(s *slot) *Ticket {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && !s.gone {
		if t := p.nextLocked(); t != nil {
			t.state = ticketRunning
			if t.job.kind == kindIdle {
				t.job.idle = p.cost
			}
			p.running++
			return t
		}
		p.wake.Wait()
	}
	return nil
}

// doJob has the worker do one job and answers it. It returns an error only if
// the worker died; then the job goes back to the head of its line once.
func (p *Pool) doJob(w Worker, t *Ticket) error {
	began := p.opts.Now()
	stuck := time.AfterFunc(jobLimit, func() { w.Close() })
	r, err := t.job.run(w)
	stuck.Stop()

	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if !errors.Is(err, ErrWorkerDied) {
		if t.job.kind != kindIdle {
			p.measuredLocked(p.opts.Now().Sub(began))
		}
		p.answerLocked(t, r, err)
		return nil
	}
	t.tries++
	switch {
	case p.closed:
		p.answerLocked(t, reply{}, ErrClosed)
	case t.tries > 1:
		p.answerLocked(t, reply{}, ErrWorkerDied)
	default:
		t.state = ticketWaiting
		p.queues[t.queue].putBack(t)
		p.wake.Signal()
	}
	return err
}

// rest waits before the next start; false when the pool was closed meanwhile. If
// no slot is left that could do a job soon, those that wait are answered.
func (p *Pool) rest(d time.Duration) bool {
	p.mu.Lock()
	p.resting++
	if p.resting == len(p.slots) {
		p.failWaitingLocked(ErrWorkerDied)
	}
	p.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	defer func() {
		p.mu.Lock()
		p.resting--
		p.mu.Unlock()
	}()
	select {
	case <-timer.C:
		return true
	case <-p.stop:
		return false
	}
}

func (p *Pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}
