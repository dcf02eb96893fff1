package accounts

import (
	"errors"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// MaxHeadstones is how many ended app passwords an account keeps; those that
// were buried first fall away.
const MaxHeadstones = 100

// endAppPasswords turns the live app passwords that doomed picks into
// headstones, and returns their ids.
func (c *change) endAppPasswords(cause store.AppPasswordState, doomed func(store.AppPassword) bool) ([]store.AppPasswordID, error) {
	if err := c.buryExpired(); err != nil {
		return nil, err
	}
	var ended []store.AppPasswordID
	for _, row := range slices.Clone(c.account.AppPasswords) { // bury moves them
		if row.State != store.Live {
			continue
		}
		p, damaged, err := description(&c.Reader, c.account.ID, row)
		if err != nil {
			return nil, err
		}
		if !doomed(p) {
			continue
		}
		if err := c.bury(p, damaged, cause, c.now, c.actor); err != nil {
			return nil, err
		}
		ended = append(ended, row.ID)
	}
	return ended, c.dropOldHeadstones()
}

// buryExpired writes the headstones of those whose time has come. Until then
// they only look alive: AppPasswordRow.Live compares with the clock.
func (c *change) buryExpired() error {
	for _, row := range slices.Clone(c.account.AppPasswords) {
		if row.State != store.Live || row.Live(c.now) {
			continue
		}
		p, damaged, err := description(&c.Reader, c.account.ID, row)
		if err != nil {
			return err
		}
		if err := c.bury(p, damaged, store.Expired, row.Expires, ""); err != nil {
			return err
		}
	}
	return c.dropOldHeadstones()
}

// description is the cold record of a row, which has the last word over it: the
// row is what opens doors. So a row whose description is missing or damaged can
// be shown and ended all the same; nobody knows then who made it.
func description(r *store.Reader, id store.AccountID, row store.AppPasswordRow) (p store.AppPassword, damaged bool, err error) {
	p, err = r.AppPassword(id, row.ID)
	damaged = errors.Is(err, store.ErrDamaged)
	if damaged || errors.Is(err, store.ErrNoAppPassword) {
		p, err = store.AppPassword{}, nil
	}
	p.ID, p.Scopes, p.Expires, p.State = row.ID, row.Scopes, row.Expires, row.State
	return p, damaged, err
}

// bury makes one headstone and puts it behind all others, which are then in the
// order in which dropOldHeadstones takes them.
func (c *change) bury(p store.AppPassword, damaged bool, cause store.AppPasswordState, at time.Time, by store.Actor) error {
	rows := c.account.AppPasswords
	i := slices.IndexFunc(rows, func(r store.AppPasswordRow) bool { return r.ID == p.ID })
	row := rows[i]
	row.State, p.State = cause, cause
	c.account.AppPasswords = append(slices.Delete(rows, i, i+1), row)
	p.Ended, p.EndedBy = at.Truncate(time.Second), by
	if err := c.PutAppPassword(c.account.ID, p); err != nil {
		return err
	}
	c.buried = append(c.buried, p)
	kind := store.EventAppPasswordRevoked
	detail := p.Name
	if damaged {
		detail = "its description was damaged"
	}
	switch cause {
	case store.Expired:
		kind = store.EventAppPasswordExpired
	case store.MadeBeforeBinding:
		detail += " (made before the phone was bound)"
	}
	return c.event(kind, p.ID.String(), detail)
}

// dropOldHeadstones keeps the table of the hot record short.
func (c *change) dropOldHeadstones() error {
	stones := 0
	for _, row := range c.account.AppPasswords {
		if row.State != store.Live {
			stones++
		}
	}
	for stones > MaxHeadstones {
		oldest := slices.IndexFunc(c.account.AppPasswords, func(r store.AppPasswordRow) bool { return r.State != store.Live })
		if err := c.DeleteAppPassword(c.account.ID, c.account.AppPasswords[oldest].ID); err != nil {
			return err
		}
		c.account.AppPasswords = slices.Delete(c.account.AppPasswords, oldest, oldest+1)
		stones--
		c.made = true
	}
	return nil
}
