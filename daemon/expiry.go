package daemon

import (
	"context"
	"time"
)

const (
	expireEvery = time.Hour
	expirePause = 50 * time.Millisecond // between two pages
)

// expire looks once an hour for app passwords whose time has come: they open
// nothing any more by themselves, but the mail sessions that they opened last
// until they are cut. It walks over all accounts, 1,000 in one look and with a
// pause after each, so that a look takes milliseconds and a million accounts a
// minute; there is no index of dates that every change would have to keep.
func (d *Daemon) expire(ctx context.Context) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		if n := d.expireAll(ctx); n > 0 {
			d.log.Info("app passwords have expired", "accounts", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// expireAll is one walk over all accounts; it returns how many had an app
// password to bury. While many cuts wait already it rests: one that finds no room
// is lost.
func (d *Daemon) expireAll(ctx context.Context) int {
	pause := time.NewTimer(0)
	defer pause.Stop()
	buried, after := 0, ""
	for {
		select {
		case <-pause.C:
			pause.Reset(expirePause)
		case <-ctx.Done():
			return buried
		}
		if d.sessions.crowded() {
			continue
		}
		page, err := d.accounts.BuryExpired(ctx, after)
		buried += page.Accounts
		if err != nil && ctx.Err() == nil {
			d.log.Error("expired app passwords not buried", "error", err)
		}
		if page.Next == "" {
			return buried
		}
		after = page.Next
	}
}
