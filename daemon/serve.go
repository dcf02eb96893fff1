package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// Serve opens the sockets, calls ready once all of them answer, and serves until
// ctx ends or a socket fails. Before it returns, requests under way are answered
// and refusals that wait for their age are sent.
func (d *Daemon) Serve(ctx context.Context, ready func()) error {
	doors, err := openDoors(d.config(), d.log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	administrators := admin.NewServer(d.admin, d.log)

	var doing sync.WaitGroup
	background, endBackground := context.WithCancel(context.Background())
	doing.Go(func() { d.audit.Run(background) })
	doing.Go(func() { d.prune(background) })

	var serving sync.WaitGroup
	for _, door := range doors {
		serving.Go(func() {
			if err := d.serveDoor(administrators, door.kind, door.listener); err != nil {
				stop(fmt.Errorf("daemon: socket %s: %w", door.listener.Addr(), err))
			}
		})
	}
	ready()
	<-ctx.Done()

	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	var draining sync.WaitGroup
	draining.Go(func() { d.drained("admin", administrators.Shutdown(drain)) })
	draining.Go(func() { d.drained("mail servers", d.server.Shutdown(drain)) })
	draining.Wait()
	err = errors.Join(administrators.Close(), d.server.Close())
	serving.Wait()
	endBackground()
	doing.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return errors.Join(cause, err)
	}
	return err
}

// drained notes how the end of a door went; what it could not wait for is closed.
func (d *Daemon) drained(door string, err error) {
	if err != nil {
		d.log.Warn("connections were cut off at the stop", "door", door, "error", err)
	}
}

// serveDoor serves one socket until the daemon stops, which is no error.
func (d *Daemon) serveDoor(a *admin.Server, kind config.Kind, l net.Listener) error {
	switch kind {
	case config.KindClient:
		return unlessClosed(d.server.Serve(l, dovecot.KindClient))
	case config.KindMaster:
		return unlessClosed(d.server.Serve(l, dovecot.KindMaster))
	case config.KindUserdb:
		return unlessClosed(d.server.Serve(l, dovecot.KindUserdb))
	default:
		return a.Serve(l)
	}
}

func unlessClosed(err error) error {
	if errors.Is(err, dovecot.ErrServerClosed) {
		return nil
	}
	return err
}

// prune deletes events that are older than the configuration keeps them.
func (d *Daemon) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		keep := time.Duration(d.config().Events.Keep)
		if n, err := d.store.PruneEvents(ctx, d.now().Add(-keep)); err != nil && ctx.Err() == nil {
			d.log.Error("old events not deleted", "error", err)
		} else if n > 0 {
			d.log.Info("old events deleted", "count", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (d *Daemon) config() *config.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}

// Reload takes over what a running daemon can change, for requests that arrive
// from now on. Folders, sockets and the number of hash workers need a restart,
// which it says in the log.
func (d *Daemon) Reload(cfg *config.Config) {
	d.mu.Lock()
	old := d.cfg
	d.cfg = cfg
	d.mu.Unlock()
	d.policy.SetRules(policyRules(cfg))
	d.auth.SetRules(doorRules(cfg))
	if old.DataDir != cfg.DataDir || old.RunDir != cfg.RunDir || old.Auth.Workers != cfg.Auth.Workers ||
		old.Admin != cfg.Admin || !slices.Equal(old.Listeners, cfg.Listeners) {
		d.log.Warn("data_dir, run_dir, [auth] hash_workers, [admin] and [[listener]] change only at a restart")
	}
}
