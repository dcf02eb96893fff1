package hasher

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
	"golang.org/x/sys/unix"
)

// What is not hashed stands in its network's line like all others.
func TestPretendTakesItsTurn(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		b.match(Mail, netA, "a0") // goes to the worker at once
		b.match(Mail, netA, "a1")
		b.pretend(Mail, netA)
		b.match(Mail, netA, "a2")
		b.match(Mail, netB, "b1")
		b.match(Mail, netB, "b2")
		want := []string{"a0", "a1", "b1", "idle", "b2", "a2"}
		if got := b.finishAll(w); !slices.Equal(got, want) {
			t.Errorf("served %v, want %v", got, want)
		}
	})
}

// A worker rests for as long as jobs took, and what that took is no measure of
// jobs.
func TestPretendTakesTheTimeOfAHash(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		b.match(Mail, netA, "h")
		waits := b.pretend(Mail, netA) // before anything was measured
		job := b.nextJob(w)
		time.Sleep(400 * time.Millisecond)
		job.answer <- nil
		job = b.nextJob(w)
		if job.idle != 400*time.Millisecond {
			t.Errorf("rests for %v", job.idle)
		}
		time.Sleep(time.Second)
		if len(waits.result) != 0 {
			t.Error("answered before its time")
		}
		job.answer <- nil
		waits.wants(t, outcome{})
		if b.cost != 400*time.Millisecond {
			t.Errorf("cost %v", b.cost)
		}
	})
}

// Whatever becomes of a hash becomes of a job that is not one.
func TestPretendEndsAsMatchDoes(t *testing.T) {
	for name, load := range map[string]func(b *bench, w *fakeWorker, p pending) outcome{
		"done":     func(b *bench, w *fakeWorker, _ pending) outcome { b.finishAll(w); return outcome{} },
		"given up": func(_ *bench, _ *fakeWorker, p pending) outcome { p.cancel(); return outcome{err: context.Canceled} },
		"never its turn": func(b *bench, w *fakeWorker, _ pending) outcome {
			job := b.nextJob(w)
			time.Sleep(2*defaultBudget + 1)
			job.answer <- nil
			return outcome{err: ErrBusy}
		},
		"stuck in its turn": func(b *bench, w *fakeWorker, p pending) outcome {
			b.nextJob(w).answer <- nil
			b.nextJob(w)
			p.cancel()
			time.Sleep(defaultBudget / 3)
			return outcome{err: ErrBusy}
		},
		"late, but in its turn": func(b *bench, w *fakeWorker, p pending) outcome {
			b.nextJob(w).answer <- nil
			job := b.nextJob(w)
			p.cancel()
			time.Sleep(defaultBudget/3 - 1)
			job.answer <- nil
			return outcome{}
		},
		"two dead workers": func(b *bench, w *fakeWorker, _ pending) outcome {
			b.nextJob(w).answer <- nil
			for range 2 {
				b.nextJob(w)
				w.die()
				w = <-b.started
			}
			return outcome{err: ErrWorkerDied}
		},
		"one dead worker": func(b *bench, w *fakeWorker, _ pending) outcome {
			b.nextJob(w).answer <- nil
			b.nextJob(w)
			w.die()
			b.finishAll(<-b.started)
			return outcome{}
		},
		"closed": func(b *bench, _ *fakeWorker, _ pending) outcome {
			if err := b.Close(); err != nil {
				b.Error(err)
			}
			return outcome{err: ErrClosed}
		},
	} {
		for _, hashed := range []bool{true, false} {
			withBench(t, 1, func(b *bench) {
				w := <-b.started
				b.match(Mail, netB, "first")
				var p pending
				if hashed {
					p = b.match(Mail, netA, "h")
				} else {
					p = b.pretend(Mail, netA)
				}
				want := load(b, w, p)
				want.matches = hashed && want.err == nil
				synctest.Wait()
				t.Run(name, func(t *testing.T) { p.wants(t, want) })
				for _, q := range b.queues {
					if q.tickets != 0 {
						t.Errorf("%s, hashed %v: %d tickets are left", name, hashed, q.tickets)
					}
				}
			})
		}
	}
}

func TestPretendOnce(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		ticket, _ := b.Reserve(Mail, prefix(netA))
		ticket.Release()
		if err := ticket.Pretend(b.Context()); !errors.Is(err, ErrTicketUsed) {
			t.Errorf("got %v", err)
		}
	})
}

// A cheaper hash is assumed to take less, until one was measured.
func TestFirstCost(t *testing.T) {
	for cost, want := range map[secret.Cost]time.Duration{
		secret.DefaultCost():                        usualCost,
		{MemoryKiB: 2 * 19456, Time: 2, Threads: 1}: 2 * usualCost,
		TinyCost(): usualCost * 8 / (2 * 19456),
	} {
		if got := (Options{Cost: cost}).firstCost(); got != want {
			t.Errorf("%+v: %v, want %v", cost, got, want)
		}
	}
}

// A real worker rests without hashing; one that is stopped answers neither.
func TestRealWorkerRests(t *testing.T) {
	p, err := New(Options{Workers: 1, Log: quiet(), Cost: TinyCost(), Budget: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	stored, err := p.Hash(t.Context(), Portal, secret.New("right"))
	if err != nil {
		t.Fatal(err)
	}
	reserve := func() *Ticket {
		ticket, ok := p.Reserve(Mail, prefix(netA))
		if !ok {
			t.Fatal("no room")
		}
		return ticket
	}
	p.mu.Lock()
	pid := p.slots[0].worker.(*process).cmd.Process.Pid
	p.cost = 50 * time.Millisecond
	p.mu.Unlock()
	began := time.Now()
	if err := reserve().Pretend(t.Context()); err != nil || time.Since(began) < 50*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	for _, use := range []func(ctx context.Context, t *Ticket) error{
		func(ctx context.Context, t *Ticket) error { return t.Pretend(ctx) },
		func(ctx context.Context, t *Ticket) error {
			_, err := t.Match(ctx, stored, secret.New("right"))
			return err
		},
	} {
		if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := use(ctx, reserve()); !errors.Is(err, ErrBusy) {
			t.Errorf("while the worker is stopped: %v", err)
		}
		cancel()
		if err := unix.Kill(pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if err := reserve().Pretend(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}
