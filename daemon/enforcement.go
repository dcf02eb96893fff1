package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// noteEvery is how often it is looked whether a date has come. What is decided
// does not wait for it: that goes by the clock.
const noteEvery = time.Minute

// enforcement says from when two-step verification is required. The latest of
// the configured days that has begun is kept in the store: a clock that is set
// back later does not open the doors again. A day that the configuration moves
// further on, or takes away, does.
type enforcement struct {
	store   *store.Store
	config  func() *config.Config
	now     func() time.Time
	reached atomic.Int64 // Unix seconds, 0: none
}

// openEnforcement reads what was noted.
func openEnforcement(ctx context.Context, st *store.Store, cfg func() *config.Config, now func() time.Time) (*enforcement, error) {
	e := &enforcement{store: st, config: cfg, now: now}
	err := st.View(ctx, func(r *store.Reader) error {
		reached, err := r.EnforcementReached()
		if err == nil && !reached.IsZero() {
			e.reached.Store(reached.Unix())
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("daemon: reading since when two-step verification is required: %w", err)
	}
	return e, nil
}

// required tells whether an account of this domain needs two-step verification.
func (e *enforcement) required(domain string, now time.Time) bool {
	if reached := time.Unix(e.reached.Load(), 0); now.Before(reached) {
		now = reached
	}
	return e.config().TwoStep.Enforced(domain, now)
}

// note keeps the latest day that has begun.
func (e *enforcement) note(ctx context.Context) error {
	latest := latestBegun(e.config().TwoStep, e.now())
	if latest.Unix() <= e.reached.Load() {
		return nil
	}
	err := e.store.Update(ctx, func(w *store.Writer) error {
		if err := w.PutEnforcementReached(latest); err != nil {
			return err
		}
		now := e.now()
		return w.PutEvent(store.Event{Time: now, Last: now, Count: 1, Kind: store.EventEnforcementReached,
			Actor: "latchkey", Detail: "required from " + latest.UTC().Format(time.RFC3339)})
	})
	if err != nil {
		return fmt.Errorf("daemon: noting that two-step verification is required now: %w", err)
	}
	e.reached.Store(latest.Unix())
	return nil
}

// latestBegun is the beginning of the latest configured day that has begun; the
// beginning of time if none has.
func latestBegun(t config.TwoStep, now time.Time) time.Time {
	latest := time.Unix(0, 0)
	look := func(d config.Date) {
		if start := d.Start(t.Zone()); !d.IsZero() && !start.After(now) && start.After(latest) {
			latest = start
		}
	}
	if t.EnforceFrom != nil {
		look(*t.EnforceFrom)
	}
	for _, d := range t.Domains {
		look(d)
	}
	return latest
}

// run notes each day that begins, until ctx ends.
func (e *enforcement) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		if err := e.note(ctx); err != nil && ctx.Err() == nil {
			log.Error("not noted", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
