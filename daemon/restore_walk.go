package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// restorePage is how many accounts one transaction takes.
const restorePage = 200

// carryOver makes of the backup, which st holds, what it is to be.
func (r *Restore) carryOver(ctx context.Context, st *store.Store, old *present) error {
	if err := r.findLost(ctx, st, old); err != nil {
		return err
	}
	after, done := "", 0
	for {
		var page []*store.Account
		var now []known
		err := st.View(ctx, func(rd *store.Reader) error {
			var err error
			if page, err = rd.Accounts(after, restorePage); err == nil {
				now, err = r.lookUp(ctx, rd, old, page)
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		if err := r.settlePage(ctx, st, page, now); err != nil {
			return err
		}
		after = page[len(page)-1].Address
		done += len(page)
		r.progress("closing again what was closed", int64(done), int64(r.done.Accounts))
	}
	return r.finish(ctx, st, old)
}

// findLost lists the accounts that were made after the backup.
func (r *Restore) findLost(ctx context.Context, st *store.Store, old *present) error {
	if old.store == nil {
		return nil
	}
	for after := ""; ; {
		var page []*store.Account
		err := old.store.View(ctx, func(rd *store.Reader) error {
			var err error
			page, err = rd.Accounts(after, restorePage)
			if errors.Is(err, store.ErrDamaged) {
				err = nil // those of the backup among them are found again
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			return nil // its pages are damaged: the present is not whole, and that is said
		}
		if err != nil || len(page) == 0 {
			return err
		}
		err = st.View(ctx, func(rd *store.Reader) error {
			for _, a := range page {
				b, err := rd.Account(a.Address)
				if errors.Is(err, store.ErrNoAccount) || err == nil && b.ID != a.ID {
					r.done.Lost.add(of(LostAccount, a))
				} else if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after = page[len(page)-1].Address
	}
}

// settlePage applies what is known to a page of accounts in one transaction.
func (r *Restore) settlePage(ctx context.Context, st *store.Store, page []*store.Account, now []known) error {
	var did []*settling
	err := st.Update(ctx, func(w *store.Writer) error {
		did = did[:0] // it may run again
		for i, b := range page {
			s := &settling{Writer: w, r: r, account: b, known: now[i]}
			if err := s.settle(); err != nil {
				return fmt.Errorf("daemon: restore: %w", err)
			}
			did = append(did, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range did {
		for _, t := range s.again {
			r.done.Again.add(t)
			if t.What == KeptUndeleted {
				r.undeleted = append(r.undeleted, t.Address)
			}
		}
		for _, t := range s.lost {
			r.done.Lost.add(t)
		}
		if s.rehashed {
			r.done.Rehashed++
		}
		if s.known.unknown {
			r.done.Unknown.add(of(UnknownAccount, s.account))
		}
		r.done.Sessions += s.sessions
		r.done.Trusts += s.trusts
		r.done.Codes += s.codes
	}
	return nil
}

// finish does what is of no account: the day of enforcement, and the event.
func (r *Restore) finish(ctx context.Context, st *store.Store, old *present) error {
	var reached time.Time
	if old.store != nil {
		err := old.store.View(ctx, func(rd *store.Reader) error {
			var err error
			reached, err = rd.EnforcementReached()
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			reached = time.Time{} // the configuration's date counts all the same
		}
	}
	var again bool
	err := st.Update(ctx, func(w *store.Writer) error {
		before, err := w.EnforcementReached()
		if err != nil {
			return err
		}
		if again = reached.After(before); again {
			if err := w.PutEnforcementReached(reached); err != nil {
				return err
			}
		}
		return w.PutEvent(store.Event{Time: r.Now, Kind: store.EventRestored, Actor: r.Actor,
			Detail: fmt.Sprintf("from a backup of %d accounts; the database before it: %s; %d things closed again, %d lost",
				r.done.Accounts, r.done.Present, r.done.Again.Total(), r.done.Lost.Total())})
	})
	if again {
		r.done.Again.add(RestoredThing{What: KeptEnforcement})
	}
	return err
}
