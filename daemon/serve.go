package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/sasl/saslauthd"
)

// Serve opens the sockets, calls ready once all of them answer, and serves until
// ctx ends or a socket fails. Before it returns, requests under way are answered,
// refusals that wait for their age are sent, and what was taken for a text message
// that did not leave in time is given back.
func (d *Daemon) Serve(ctx context.Context, ready func()) error {
	doors, forWeb, err := openDoors(d.config(), d.log)
	if err != nil {
		return err
	}
	pages, err := d.openWeb(forWeb)
	if err != nil {
		closeDoors(doors)
		return err
	}
	d.setWeb(pages)
	d.setSockets(doors)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	administrators := admin.NewServer(d.admin, d.log)

	var doing sync.WaitGroup
	background, endBackground := context.WithCancel(context.Background())
	doing.Go(func() { d.audit.Run(background) })
	doing.Go(func() { d.prune(background) })
	doing.Go(func() { d.required.run(background, d.log) })
	doing.Go(func() { d.expire(background) })

	var serving sync.WaitGroup
	for _, door := range doors {
		serving.Go(func() {
			if err := d.serveDoor(administrators, &door); err != nil {
				stop(fmt.Errorf("daemon: socket %s: %w", door.listener.Addr(), err))
			}
		})
	}
	if pages != nil {
		serving.Go(func() {
			if err := pages.serve(); err != nil {
				stop(fmt.Errorf("daemon: portal %s: %w", pages.listener.Addr(), err))
			}
		})
	}
	ready()
	<-ctx.Done()

	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	late := time.AfterFunc(sendFor, d.texts.stop) // in time for an answer to who waits
	defer late.Stop()
	var draining sync.WaitGroup
	draining.Go(func() { d.drained("admin", administrators.Shutdown(drain)) })
	draining.Go(func() { d.drained("mail servers", d.server.Shutdown(drain)) })
	draining.Go(func() { d.drained("saslauthd", d.saslauthd.Shutdown(drain)) })
	draining.Go(func() { d.drained("nginx", d.nginxServer.Shutdown(drain)) })
	if pages != nil {
		draining.Go(func() { d.drained("portal", pages.server.Shutdown(drain)) })
	}
	draining.Wait()
	d.texts.stop()
	err = errors.Join(administrators.Close(), d.server.Close(), d.saslauthd.Close(), d.nginxServer.Close())
	if pages != nil {
		err = errors.Join(err, pages.server.Close())
		pages.pages.end()
	}
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
func (d *Daemon) serveDoor(a *admin.Server, at *door) error {
	l := at.listener
	if at.kind.SpeaksClient() { // those of TCP are among them
		l = newSharing(l, maxDoorNetwork, func(netip.Addr) bool { return false }, d.now, d.log)
	}
	switch at.kind {
	case config.KindClient:
		return unlessClosed(d.server.ServeListener(l, at.options(dovecot.KindClient)))
	case config.KindLogin:
		return unlessClosed(d.server.ServeListener(l, at.options(dovecot.KindLogin)))
	case config.KindMaster:
		return unlessClosed(d.server.ServeListener(l, at.options(dovecot.KindMaster)))
	case config.KindUserdb:
		return unlessClosed(d.server.ServeListener(l, at.options(dovecot.KindUserdb)))
	case config.KindSaslauthd:
		return unlessClosed(d.saslauthd.Serve(l))
	case config.KindNginx:
		return d.nginxServer.Serve(l)
	default:
		return a.Serve(l)
	}
}

func unlessClosed(err error) error {
	if errors.Is(err, dovecot.ErrServerClosed) || errors.Is(err, saslauthd.ErrServerClosed) {
		return nil
	}
	return err
}

// keepBudgets is longer than the longest window that text messages are counted in.
const keepBudgets = 48 * time.Hour

// prune deletes events that are older than the configuration keeps them, and
// counts of text messages whose day is over. To find an account's events that are
// too many, it walks over the lists of all of them.
func (d *Daemon) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		keep := time.Duration(d.config().Events.Keep)
		if n, err := d.store.PruneEvents(ctx, d.now().Add(-keep), resting(ctx)); err != nil && ctx.Err() == nil {
			d.log.Error("old events not deleted", "error", err)
		} else if n > 0 {
			d.log.Info("old events deleted", "count", n)
		}
		if _, err := d.store.PruneBudgets(ctx, d.now().Add(-keepBudgets)); err != nil && ctx.Err() == nil {
			d.log.Error("old counts of text messages not deleted", "error", err)
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

// sockets are those that mail servers ask at, while the daemon serves.
func (d *Daemon) sockets() []admin.Socket {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listening
}

func (d *Daemon) setSockets(doors []door) {
	var list []admin.Socket
	for _, at := range doors {
		if at.kind != kindAdmin {
			list = append(list, admin.Socket{Kind: string(at.kind), Place: at.listener.Addr().String()})
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listening = list
}

func (d *Daemon) setWeb(w *web) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.web = w
}

// PortalAddr is where the portal listens; nil if it does not, or not yet.
func (d *Daemon) PortalAddr() net.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.web == nil {
		return nil
	}
	return d.web.listener.Addr()
}

// Reload takes over what a running daemon can change, for requests that arrive
// from now on. The portal's certificate is read again. Folders, sockets and the
// number of hash workers need a restart, which it says in the log.
func (d *Daemon) Reload(cfg *config.Config) {
	d.mu.Lock()
	old, pages := d.cfg, d.web
	d.cfg = cfg
	d.mu.Unlock()
	d.policy.SetRules(d.policyRules(cfg))
	d.auth.SetRules(doorRules(cfg))
	d.cyrus.SetRules(cyrusRules(cfg))
	d.reloadNginx(cfg)
	if err := d.texts.reload(cfg); err != nil {
		d.log.Error("text messages go on as before", "error", err)
	}
	if pages != nil {
		if err := pages.reload(cfg); err != nil {
			d.log.Error("the portal keeps its certificate", "error", err)
		}
	}
	if old.DataDir != cfg.DataDir || old.RunDir != cfg.RunDir || old.Auth.Workers != cfg.Auth.Workers ||
		old.Admin != cfg.Admin || !slices.Equal(old.Listeners, cfg.Listeners) ||
		old.Portal.Listen != cfg.Portal.Listen || old.Portal.ACME != cfg.Portal.ACME ||
		(old.Portal.Certificate == "") != (cfg.Portal.Certificate == "") {
		d.log.Warn("data_dir, run_dir, [auth] hash_workers, [admin], [[listener]] and how [portal] listens change only at a restart")
	}
}
