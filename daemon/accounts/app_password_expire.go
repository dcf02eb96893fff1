package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// maxExpired is how many accounts one call of BuryExpired changes: each is a
// write of its own, and may be followed by a command that ends mail sessions.
const maxExpired = 100

// expiry is who buries app passwords whose time has come.
const expiry store.Actor = "latchkey"

// ExpiredPage is what one call of BuryExpired came to.
type ExpiredPage struct {
	Accounts int    // that had something to bury
	Next     string // the next page starts after it; "": this was the last one
}

// BuryExpired writes the headstones of app passwords whose time has come, with
// their events, and ends the mail sessions that they opened, for a page of
// accounts whose addresses stand strictly behind after. From their time on they
// open nothing, whether or not this was called: what is left of them is what was
// opened before.
//
// It reads at most MaxPage accounts in one look, which keeps no other reader or
// writer waiting, and changes at most maxExpired of them. Accounts that cannot be
// read or changed for damage do not hold up the others: they are joined into an
// error beside the page, which is good without them. Any other error ends it.
func (s *Service) BuryExpired(ctx context.Context, after string) (ExpiredPage, error) {
	found, page, err := s.findExpired(ctx, after)
	if err != nil {
		return page, err
	}
	var damaged []error
	for _, address := range found {
		err := s.changeAt(ctx, expiry, address, (*change).buryExpired)
		switch {
		case err == nil:
			page.Accounts++
		case errors.Is(err, ErrNoAccount): // deleted since
		case errors.Is(err, ErrDamaged):
			damaged = append(damaged, fmt.Errorf("%s: %w", address, err))
		default:
			return ExpiredPage{Accounts: page.Accounts}, err
		}
	}
	return page, errors.Join(damaged...)
}

// findExpired is the addresses of a page's accounts that have something to bury.
// Damaged records are left to the check and to their own logins.
func (s *Service) findExpired(ctx context.Context, after string) ([]string, ExpiredPage, error) {
	now := s.Now()
	var found []string
	var page ExpiredPage
	err := s.Store.View(ctx, func(r *store.Reader) error {
		accounts, err := r.Accounts(after, MaxPage)
		damaged, err := damagedAddresses(err)
		if err != nil {
			return err
		}
		found, page = nil, ExpiredPage{}
		for _, account := range accounts {
			if !hasExpired(account, now) {
				continue
			}
			if len(found) == maxExpired {
				page.Next = found[maxExpired-1]
				return nil
			}
			found = append(found, account.Address)
		}
		page.Next = nextPage(accounts, damaged, MaxPage)
		return nil
	})
	if err != nil {
		return nil, ExpiredPage{}, explain(err)
	}
	return found, page, nil
}

// hasExpired tells whether the account has an app password whose time has come
// and that has no headstone.
func hasExpired(a *store.Account, now time.Time) bool {
	for _, row := range a.AppPasswords {
		if row.State == store.Live && !row.Live(now) {
			return true
		}
	}
	return false
}
