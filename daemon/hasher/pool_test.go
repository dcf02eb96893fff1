package hasher

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	netA = "192.0.2.0/24"
	netB = "198.51.100.0/24"
	netC = "2001:db8::/48"
)

func TestNetworksTakeTurns(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		b.match(Mail, netA, "a0") // goes to the worker at once
		for _, job := range []string{"a1", "a2", "a3"} {
			b.match(Mail, netA, job)
		}
		for _, job := range []string{"b1", "b2"} {
			b.match(Mail, netB, job)
		}
		b.match(Mail, "", "nobody")
		want := []string{"a0", "a1", "b1", "nobody", "a2", "b2", "a3"}
		if got := b.finishAll(w); !slices.Equal(got, want) {
			t.Errorf("served %v, want %v", got, want)
		}
	})
}

func TestPortalTakesTurnsWithMail(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		for _, job := range []string{"m1", "m2", "m3", "m4"} {
			b.match(Mail, netA, job)
		}
		b.match(Portal, netB, "p1")
		b.match(Portal, netB, "p2")
		want := []string{"m1", "p1", "m2", "p2", "m3", "m4"}
		if got := b.finishAll(w); !slices.Equal(got, want) {
			t.Errorf("served %v, want %v", got, want)
		}
	})
}

// Reserve says yes exactly as long as the job would be done within the budget.
func TestReserveKeepsTheBudget(t *testing.T) {
	for _, test := range []struct {
		name    string
		workers int
		cost    time.Duration
		want    int // how many from one network fit
	}{
		{"one worker", 1, 500 * time.Millisecond, 4},
		{"two workers", 2, 500 * time.Millisecond, 8},
		{"dear jobs", 2, 1500 * time.Millisecond, 2},
		{"one job over the budget, idle workers only", 2, 5 * time.Second, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			withBench(t, test.workers, func(b *bench) {
				b.setCost(test.cost)
				got := 0
				for ; got < 100; got++ {
					if _, ok := b.Reserve(Mail, prefix(netA)); !ok {
						break
					}
				}
				if got != test.want {
					t.Errorf("room for %d, want %d", got, test.want)
				}
			})
		})
	}
}

func TestOneNetworkLeavesRoomForOthers(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		b.setCost(200 * time.Millisecond)
		w := <-b.started
		b.match(Mail, netA, "a0")
		flood := 0
		for {
			if _, ok := b.Reserve(Mail, prefix(netA)); !ok {
				break
			}
			flood++
		}
		if flood != 9 {
			t.Errorf("the flood got %d places behind the running job, want 9", flood)
		}
		b.match(Mail, netB, "b1")
		b.match(Portal, netA, "p1")
		if got := b.finishAll(w); len(got) != 3 {
			t.Errorf("served %v, want the first of each", got)
		}
	})
}

func TestHardCap(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		b.setCost(time.Nanosecond)
		b.opts.MaxTickets = 3
		for i := range 3 {
			if _, ok := b.Reserve(Mail, prefix(netA)); !ok {
				t.Fatalf("no room for ticket %d", i)
			}
		}
		if _, ok := b.Reserve(Mail, prefix(netB)); ok {
			t.Error("room beyond the cap")
		}
		if _, err := b.Hash(b.Context(), Mail, secret.New("x")); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash beyond the cap: %v", err)
		}
		if _, ok := b.Reserve(Portal, prefix(netA)); !ok {
			t.Error("the portal's queue is not full")
		}
	})
}

func TestReleaseGivesTheRoomBack(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		b.setCost(2 * time.Second)
		for range 3 {
			ticket, ok := b.Reserve(Mail, prefix(netA))
			if !ok {
				t.Fatal("no room although all was released")
			}
			if _, ok := b.Reserve(Mail, prefix(netA)); ok {
				t.Fatal("room for two")
			}
			ticket.Release()
			ticket.Release()
			if _, err := ticket.Match(b.Context(), "h", secret.New("x")); !errors.Is(err, ErrTicketUsed) {
				t.Errorf("Match after Release: %v", err)
			}
		}
		if len(b.queues[Mail].ring) != 0 || b.queues[Mail].tickets != 0 {
			t.Error("the queue is not empty")
		}
	})
}

func TestMatchTwice(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		ticket, _ := b.Reserve(Mail, prefix(netA))
		b.use(ticket, "h")
		b.use(ticket, "h").wants(t, outcome{err: ErrTicketUsed})
	})
}

func TestAnswers(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		for _, want := range []error{nil, errWrong, secret.ErrMalformedHash} {
			p := b.match(Mail, netA, "h")
			b.nextJob(w).answer <- want
			p.wants(t, outcome{matches: want == nil, err: want})
		}
	})
}

func TestCancelledWhileWaiting(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		b.match(Mail, netA, "first")
		waiting := b.match(Mail, netA, "cancelled")
		b.match(Mail, netA, "last")
		waiting.cancel()
		waiting.wants(t, outcome{err: context.Canceled})
		if got := b.finishAll(w); !slices.Equal(got, []string{"first", "last"}) {
			t.Errorf("served %v", got)
		}
	})
}

func TestCancelledWhileHashed(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		p := b.match(Mail, netA, "h")
		job := b.nextJob(w)
		p.cancel()
		synctest.Wait()
		if len(p.result) != 0 {
			t.Fatal("answered before the job was done")
		}
		job.answer <- nil
		p.wants(t, outcome{matches: true})
	})
}

func TestCancelledBeforeMatch(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		ticket, _ := b.Reserve(Mail, prefix(netA))
		if _, err := ticket.Match(ctx, "h", secret.New("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if b.queues[Mail].tickets != 0 {
			t.Error("the ticket was kept")
		}
	})
}

func TestTooLateIsNotHashed(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		b.match(Mail, netA, "slow")
		late := b.match(Mail, netA, "late")
		job := b.nextJob(w)
		time.Sleep(2*defaultBudget + 1)
		job.answer <- nil
		late.wants(t, outcome{err: ErrBusy})
		if job := b.nextJob(w); job.answer != nil {
			t.Errorf("hashed %q", job.stored)
		}
	})
}

func TestCostIsMeasured(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		for range 50 {
			b.match(Mail, netA, "h")
			job := b.nextJob(w)
			time.Sleep(400 * time.Millisecond)
			job.answer <- nil
			synctest.Wait()
		}
		if b.cost < 390*time.Millisecond || b.cost > 400*time.Millisecond {
			t.Errorf("cost %v, want nearly 400ms", b.cost)
		}
	})
}

func TestTooLong(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		ticket, _ := b.Reserve(Mail, prefix(netA))
		_, err := ticket.Match(b.Context(), "h", secret.New(strings.Repeat("x", MaxPassword+1)))
		if !errors.Is(err, ErrTooLong) {
			t.Errorf("got %v", err)
		}
		if b.queues[Mail].tickets != 0 {
			t.Error("the ticket was kept")
		}
	})
}

func TestHashWaitsAsLongAsItTakes(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		b.match(Mail, netA, "slow")
		done := make(chan string)
		go func() {
			h, err := b.Hash(b.Context(), Portal, secret.New("x"))
			if err != nil {
				t.Error(err)
			}
			done <- h
		}()
		job := b.nextJob(w)
		time.Sleep(jobLimit - 1)
		job.answer <- nil
		b.nextJob(w).answer <- nil
		if got := <-done; got != "hashed" {
			t.Errorf("got %q", got)
		}
	})
}

func TestClose(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		running := b.match(Mail, netA, "running")
		waiting := b.match(Portal, netA, "waiting")
		reserved, _ := b.Reserve(Mail, prefix(netA))
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		running.wants(t, outcome{err: ErrClosed})
		waiting.wants(t, outcome{err: ErrClosed})
		b.use(reserved, "late").wants(t, outcome{err: ErrClosed})
		if _, ok := b.Reserve(Mail, prefix(netA)); ok {
			t.Error("room in a closed pool")
		}
		if _, err := b.Hash(b.Context(), Portal, secret.New("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Hash: %v", err)
		}
	})
}
