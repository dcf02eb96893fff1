package hasher

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// A frail worker dies at every seventh job.
type frail struct {
	*fakeWorker
	jobs int
}

func (w *frail) Idle(time.Duration) error {
	_, err := w.Match("", secret.Secret{})
	return err
}

func (w *frail) Match(string, secret.Secret) (bool, error) {
	if w.jobs++; w.jobs%7 == 0 {
		w.die()
		return false, ErrWorkerDied
	}
	return true, nil
}

// Whatever happens to tickets, jobs and workers, nothing is left in the books.
func TestStress(t *testing.T) {
	p, err := New(Options{Workers: 3, MaxTickets: 20, Log: quiet(), Start: func() (Worker, error) {
		return &frail{fakeWorker: newFakeWorker()}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var people sync.WaitGroup
	for n := range uint64(20) {
		people.Go(func() { useAtRandom(t, p, rand.New(rand.NewPCG(n, n))) })
	}
	people.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.queues {
		if q := &p.queues[i]; q.tickets != 0 || len(q.ring) != 0 || len(q.lines) != 0 || q.next != 0 {
			t.Errorf("queue %d: %+v", i, q)
		}
	}
	if p.running != 0 {
		t.Errorf("%d jobs said to be running", p.running)
	}
}

func useAtRandom(t *testing.T, p *Pool, r *rand.Rand) {
	for range 500 {
		network := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), 0, 0}), 16)
		ticket, ok := p.Reserve(Queue(r.IntN(int(queues))), network)
		if !ok {
			continue
		}
		ctx, cancel := context.WithCancel(t.Context())
		switch r.IntN(5) {
		case 0:
			ticket.Release()
		case 4:
			go cancel()
			if err := ticket.Pretend(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrWorkerDied) {
				t.Error(err)
			}
		case 1:
			go cancel()
			fallthrough
		default:
			ok, err := ticket.Match(ctx, "h", secret.New("x"))
			if err == nil && !ok || err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrWorkerDied) {
				t.Errorf("%v, %v", ok, err)
			}
		}
		cancel()
	}
}

func BenchmarkReserve(b *testing.B) {
	p, err := New(Options{Workers: 1, Start: func() (Worker, error) { return newFakeWorker(), nil }})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if ticket, ok := p.Reserve(Mail, prefix(netA)); ok {
				ticket.Release()
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	p, err := New(Options{Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	stored, err := p.Hash(b.Context(), Portal, secret.New("right"))
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ticket, ok := p.Reserve(Mail, netip.Prefix{})
			if !ok {
				b.Fatal("no room")
			}
			if ok, err := ticket.Match(b.Context(), stored, secret.New("right")); err != nil || !ok {
				b.Fatal(ok, err)
			}
		}
	})
}
