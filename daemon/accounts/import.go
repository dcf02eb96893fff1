package accounts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/latchkey-mail/latchkey/store"
)

// Bounds of one page of an import: the first is one transaction, the second keeps
// a page within the time that an answer may take.
const (
	MaxImport    = 5000
	MaxCleartext = 50
)

// Import is a page of accounts that come from elsewhere.
type Import struct {
	Rows   []Portable
	DryRun bool // only look
	// SkipBad adds the others where some are refused; else none are, unless a name
	// is found taken only when they are written: then that row alone is left out.
	SkipBad bool
}

// Imported is what came, or would come, of a page.
type Imported struct {
	Added    int          `json:"added"`
	Existing int          `json:"existing"` // skipped: the address is an account already
	Hashed   int          `json:"hashed"`   // of those added: came in the clear
	Refused  []RefusedRow `json:"refused,omitempty"`
}

// RefusedRow is a row that cannot be an account here.
type RefusedRow struct {
	Row   int    `json:"row"`   // its index in the page
	Cause string `json:"cause"` // a sentence that holds nothing secret
}

// Import adds accounts, in one transaction with their events: after it each is
// there whole or not at all. An address that is an account already is left as it
// is, so that what was interrupted is done by asking again.
func (s *Service) Import(ctx context.Context, actor store.Actor, in Import) (Imported, error) {
	var done Imported
	rows := make([]carried, 0, len(in.Rows))
	for i, p := range in.Rows {
		c, err := s.unpack(i, p)
		if err != nil {
			done.refuse(i, err)
			continue
		}
		rows = append(rows, c)
	}
	rows, err := s.absent(ctx, rows, &done)
	if err != nil {
		return Imported{}, explain(err)
	}
	if len(done.Refused) > 0 && !in.DryRun && !in.SkipBad {
		return Imported{Refused: done.Refused}, nil
	}
	for _, c := range rows {
		if !c.cleartext.IsZero() {
			done.Hashed++
		}
	}
	switch {
	case in.DryRun:
		done.Added = len(rows)
		return done, nil
	case done.Hashed > MaxCleartext:
		return Imported{}, &Error{Kind: ErrTooMany, Sentence: fmt.Sprintf("a page has more than %d passwords in the clear", MaxCleartext)}
	}
	if err := s.hashAll(ctx, rows); err != nil {
		return Imported{}, err
	}
	return s.addAll(ctx, actor, rows, done)
}

// refuse notes a row with the sentence and the hint of its error.
func (i *Imported) refuse(row int, err error) {
	cause := "it cannot be added"
	var told *Error
	if errors.As(err, &told) {
		cause = told.Sentence
		if told.Hint != "" {
			cause += "; " + told.Hint
		}
	}
	i.Refused = append(i.Refused, RefusedRow{Row: row, Cause: cause})
}

// absent is the rows whose addresses are no account yet.
func (s *Service) absent(ctx context.Context, rows []carried, done *Imported) ([]carried, error) {
	var absent []carried
	err := s.Store.View(ctx, func(r *store.Reader) error {
		for _, c := range rows {
			err := c.free(r)
			if err == nil {
				absent = append(absent, c)
			} else if err := done.passOver(&c, err); err != nil {
				return err
			}
		}
		return nil
	})
	return absent, err
}

// errThere says that a row's address is an account already.
var errThere = errors.New("accounts: the account is there already")

// free wants a row's names to be nobody's.
func (c *carried) free(r *store.Reader) error {
	for _, name := range append([]string{c.name}, c.aliases...) {
		has, err := r.Named(name)
		switch {
		case errors.Is(err, store.ErrNoAccount):
		case err != nil:
			return err
		case name == c.name && has.Address == name:
			return errThere
		case name == c.name:
			return isAlias("this address", has)
		case has.Address == name:
			return &Error{Kind: ErrExists, Sentence: "an alias is the address of an account"}
		default:
			return isAlias("one of the aliases", has)
		}
	}
	return nil
}

// passOver notes why a row was not free. It returns an error that is of another kind.
func (i *Imported) passOver(c *carried, err error) error {
	var told *Error
	switch {
	case errors.Is(err, errThere):
		i.Existing++
	case errors.As(err, &told), errors.Is(err, store.ErrDamaged):
		i.refuse(c.row, explain(err))
	default:
		return err
	}
	return nil
}

// hashAll hashes what came in the clear, a few at a time.
func (s *Service) hashAll(ctx context.Context, rows []carried) error {
	room := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	errs := make([]error, len(rows))
	for i := range rows {
		c := &rows[i]
		if c.cleartext.IsZero() {
			continue
		}
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			c.hash, errs[i] = s.Hash(ctx, c.cleartext)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("accounts: hashing the passwords: %w", err)
	}
	return nil
}

// addAll writes a page: in the order of addresses, and with event ids drawn
// beforehand so that they ascend, too. The engine's pages are then filled from one
// end, which saves a sixth of the time.
func (s *Service) addAll(ctx context.Context, actor store.Actor, rows []carried, before Imported) (Imported, error) {
	now := s.Now().UTC()
	slices.SortStableFunc(rows, func(a, b carried) int { return strings.Compare(a.name, b.name) })
	ids := make([]store.EventID, len(rows))
	for i := range ids {
		var err error
		if ids[len(ids)-1-i], err = s.Store.NewEventID(now); err != nil { // a later one is smaller
			return Imported{}, explain(err)
		}
	}
	var done Imported
	err := s.Store.Update(ctx, func(w *store.Writer) error {
		done = before
		done.Refused = slices.Clone(before.Refused)
		for i, c := range rows {
			account, err := c.create(w)
			if err != nil { // a name is taken: meanwhile, or earlier in this page
				if !c.cleartext.IsZero() {
					done.Hashed--
				}
				if err := done.passOver(&c, err); err != nil {
					return err
				}
				continue
			}
			if err := c.fill(&change{Writer: w, account: account, actor: actor, now: now}, ids[i]); err != nil {
				return err
			}
			done.Added++
		}
		return nil
	})
	if err != nil {
		return Imported{}, explain(err)
	}
	return done, nil
}

// create makes the account of a row whose names are free; the error is that of free.
func (c *carried) create(w *store.Writer) (*store.Account, error) {
	if len(c.aliases) > 0 { // CreateAccount looks for the address
		if err := c.free(&w.Reader); err != nil {
			return nil, err
		}
	}
	account, err := w.CreateAccount(c.name, c.hash)
	if errors.Is(err, store.ErrAccountExists) || errors.Is(err, store.ErrAliasExists) {
		err = errors.Join(c.free(&w.Reader), err)
	}
	return account, err
}

// fill writes what a new account has beside its main password.
func (c *carried) fill(to *change, id store.EventID) error {
	if len(c.userdb) > 0 {
		if err := to.PutUserdb(to.account, c.userdb); err != nil {
			return err
		}
	}
	if c.phone != "" {
		if err := to.PutExpectedPhone(to.account.ID, store.ExpectedPhone{Number: c.phone, Made: to.now, By: to.actor}); err != nil {
			return err
		}
	}
	for _, alias := range c.aliases {
		if err := to.Writer.AddAlias(to.account, store.Alias{Name: alias, Made: to.now, By: to.actor}); err != nil {
			return err
		}
	}
	err := to.PutEvent(store.Event{
		ID: id, Time: to.now, Last: to.now, Count: 1, Kind: store.EventAccountAdded, AccountID: to.account.ID, Address: to.account.Address,
		Actor: to.actor, Detail: "imported",
	})
	if err != nil {
		return err
	}
	if !c.disabled && len(c.userdb) == 0 {
		return nil // CreateAccount wrote it
	}
	to.account.Disabled = c.disabled
	return to.PutAccount(to.account)
}
