package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// slowEngine takes a while for each look, and notes when it began.
type slowEngine struct {
	kv.Engine
	takes time.Duration
	looks []time.Time
}

func (e *slowEngine) View(ctx context.Context, f func(kv.Reader) error) error {
	e.looks = append(e.looks, time.Now())
	time.Sleep(e.takes)
	return e.Engine.View(ctx, f)
}

// TestPruningRests: between two pages of all accounts' events it rests, by how long
// the page took and within bounds, and it stops in a rest.
func TestPruningRests(t *testing.T) {
	const pages, limit = 5, 1000
	for takes, want := range map[time.Duration]time.Duration{2 * time.Millisecond: 8 * time.Millisecond, 10 * time.Second: 15 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			keys, err := secret.NewKeys([32]byte{1})
			if err != nil {
				t.Fatal(err)
			}
			engine := &slowEngine{Engine: memkv.New()}
			st, err := store.Open(t.Context(), engine, keys, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			for page := range pages {
				var batch []store.Event
				for i := range limit {
					batch = append(batch, store.Event{Time: time.Now(), Kind: store.EventLogin, Address: fmt.Sprintf("u%d-%d@example.org", page, i)})
				}
				if err := st.WriteMerged(t.Context(), batch, nil); err != nil {
					t.Fatal(err)
				}
			}
			d := &Daemon{store: st, cfg: config.Default(), log: slog.New(slog.DiscardHandler), now: time.Now}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			run := func(ctx context.Context) (over chan struct{}) {
				over = make(chan struct{})
				engine.takes, engine.looks = takes, nil
				go func() {
					d.prune(ctx)
					close(over)
				}()
				return over
			}
			over := run(ctx)
			time.Sleep(pruneEvery / 2)
			stop()
			<-over
			looks := engine.looks[2:] // the first is for old events, of which there are none
			if len(looks) < pages {
				t.Fatalf("%d looks", len(looks))
			}
			for i := range pages - 2 {
				if got := looks[i+1].Sub(looks[i]); got != want {
					t.Errorf("pages that take %v begin every %v, want %v", takes, got, want)
				}
			}
			ctx, stop = context.WithCancel(t.Context())
			defer stop()
			over = run(ctx)
			time.Sleep(2*takes + time.Millisecond) // in the first page's rest
			stop()
			began := time.Now()
			<-over
			if waited := time.Since(began); waited > 2*takes {
				t.Errorf("it was stopped after %v", waited)
			}
		})
	}
}
