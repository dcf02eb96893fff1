package hasher

import (
	"context"
	"testing"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// TestHashSpare takes an idle worker only, and only one.
func TestHashSpare(t *testing.T) {
	spare := func(b *bench) pending {
		return b.begin(func(ctx context.Context) (bool, error) {
			hash, err := b.HashSpare(ctx, secret.New("x"))
			return hash == "hashed", err
		})
	}
	withBench(t, 2, func(b *bench) {
		one, two := <-b.started, <-b.started
		a := b.match(Mail, netA, "a")
		first := spare(b)
		spare(b).wants(b.T, outcome{err: ErrBusy}) // both workers have something to do
		for _, w := range []*fakeWorker{one, two} {
			b.finishAll(w)
		}
		a.wants(b.T, outcome{matches: true})
		first.wants(b.T, outcome{matches: true})

		second := spare(b)
		spare(b).wants(b.T, outcome{err: ErrBusy}) // one at a time
		b.finishAll(one)
		b.finishAll(two)
		second.wants(b.T, outcome{matches: true})

		held, ok := b.Reserve(Mail, prefix(netA))
		held2, ok2 := b.Reserve(Mail, prefix(netB))
		if !ok || !ok2 {
			b.Fatal("no room")
		}
		spare(b).wants(b.T, outcome{err: ErrBusy}) // both are reserved
		held.Release()
		held2.Release()
		third := spare(b)
		b.finishAll(one)
		b.finishAll(two)
		third.wants(b.T, outcome{matches: true})
	})
}
