package hasher

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// A fakeWorker hands its jobs to the test, which answers them when it likes.
type fakeWorker struct {
	jobs chan fakeJob
	died chan struct{}
	die  func()
}

type fakeJob struct {
	stored string        // "idle" for Idle
	idle   time.Duration // for Idle
	answer chan error    // nil: matches
}

var errWrong = errors.New("fake: wrong")

func newFakeWorker() *fakeWorker {
	w := &fakeWorker{jobs: make(chan fakeJob), died: make(chan struct{})}
	w.die = sync.OnceFunc(func() { close(w.died) })
	return w
}

func (w *fakeWorker) Match(stored string, _ secret.Secret) (bool, error) {
	return w.do(fakeJob{stored: stored, answer: make(chan error)})
}

func (w *fakeWorker) do(job fakeJob) (bool, error) {
	select {
	case w.jobs <- job:
	case <-w.died:
		return false, ErrWorkerDied
	}
	select {
	case err := <-job.answer:
		return err == nil, err
	case <-w.died:
		return false, ErrWorkerDied
	}
}

func (w *fakeWorker) Hash(s secret.Secret, _ secret.Cost) (string, error) {
	_, err := w.Match("hash", s)
	return "hashed", err
}

func (w *fakeWorker) Idle(d time.Duration) error {
	_, err := w.do(fakeJob{stored: "idle", idle: d, answer: make(chan error)})
	return err
}

func (w *fakeWorker) Done() <-chan struct{} { return w.died }
func (w *fakeWorker) Close() error          { w.die(); return nil }

// A bench is a pool over fake workers, inside a synctest bubble.
type bench struct {
	*testing.T
	*Pool
	started chan *fakeWorker
	failing atomic.Pointer[error] // what starting a worker answers, if set
}

func withBench(t *testing.T, workers int, fn func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, started: make(chan *fakeWorker, 100)}
		p, err := New(Options{Workers: workers, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Start: func() (Worker, error) {
			if err := b.failing.Load(); err != nil {
				return nil, *err
			}
			w := newFakeWorker()
			b.started <- w
			return w, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		b.Pool = p
		synctest.Wait()
		fn(b)
	})
}

// setCost makes the pool believe that a job takes d.
func (b *bench) setCost(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cost = d
}

// A pending is a Match that was called and has not been looked at yet.
type pending struct {
	cancel context.CancelFunc
	result chan outcome
}

type outcome struct {
	matches bool
	err     error
}

// match reserves room and calls Match with the given name as stored hash.
func (b *bench) match(q Queue, network, name string) pending {
	b.Helper()
	t, ok := b.Reserve(q, prefix(network))
	if !ok {
		b.Fatalf("no room for %s", name)
	}
	return b.use(t, name)
}

func (b *bench) use(t *Ticket, name string) pending {
	return b.begin(func(ctx context.Context) (bool, error) { return t.Match(ctx, name, secret.New("x")) })
}

// pretend reserves room and calls Pretend.
func (b *bench) pretend(q Queue, network string) pending {
	b.Helper()
	t, ok := b.Reserve(q, prefix(network))
	if !ok {
		b.Fatal("no room to pretend")
	}
	return b.begin(func(ctx context.Context) (bool, error) { return false, t.Pretend(ctx) })
}

func (b *bench) begin(use func(ctx context.Context) (bool, error)) pending {
	ctx, cancel := context.WithCancel(b.Context())
	p := pending{cancel: cancel, result: make(chan outcome, 1)}
	go func() {
		ok, err := use(ctx)
		p.result <- outcome{ok, err}
	}()
	synctest.Wait()
	return p
}

func (p pending) wants(t *testing.T, want outcome) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-p.result:
		if got.matches != want.matches || !errors.Is(got.err, want.err) {
			t.Errorf("got %v, want %v", got, want)
		}
	default:
		t.Errorf("no answer yet, want %v", want)
	}
}

// nextJob returns what w is asked next, or "" if it is idle.
func (b *bench) nextJob(w *fakeWorker) fakeJob {
	synctest.Wait()
	select {
	case job := <-w.jobs:
		return job
	default:
		return fakeJob{}
	}
}

// finishAll answers every job of w and returns their names in order.
func (b *bench) finishAll(w *fakeWorker) []string {
	var names []string
	for job := b.nextJob(w); job.answer != nil; job = b.nextJob(w) {
		names = append(names, job.stored)
		job.answer <- nil
	}
	return names
}

func prefix(s string) netip.Prefix {
	if s == "" {
		return netip.Prefix{}
	}
	return netip.MustParsePrefix(s)
}
