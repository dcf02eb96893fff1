// Package accounts does what an owner, a helpdesk or an administrator may do to
// an account: add it, set its password, make and revoke app passwords, bind a
// phone, sign in at the portal. Every door (admin socket, offline commands,
// portal) calls it, and there is no second way to change a record.
//
// Each change is one transaction, and the event that names who did it is
// written in the same one: what was acknowledged is on disk, with its author.
// A change that is already so is no error and leaves no event.
//
// # What ends what
//
// Of five things: portal sessions; the trust in browsers; codes that are waited
// for; app passwords; mail sessions that are open (Service.Cut).
//
//	                  sessions    trust  codes  app passwords       mail sessions
//	phone bound       all others  ends   end    made before end(1)  main password's, and theirs
//	number changed(5) all others  ends   end    stay                stay
//	phone unbound     all others  ends   end(2) stay                stay
//	password changed  all others  ends   end    end if asked        main password's, and theirs
//	password set(3)   all         ends   end    end if asked        all, if those end
//	phone reset(3)    all         ends   end    end if asked        all, if those end
//	app password(4)   stay        stays  stay   it ends             its own
//	disabled          all         ends   end    stay, and open      all
//	                                            nothing meanwhile
//	deleted           all         ends   end    all                 all
//
// "All others" means all but the one in which the owner did it, which gets a new
// token; what an administrator does ends all of them.
//
// (1) But for those that an administrator made: who stole a main password cannot
// have planted one first.
//
// (2) Recovery codes, too.
//
// (3) By the helpdesk or an administrator. A helpdesk code outlives a password
// that is set: both are given to a person in one call, in either order. It ends
// with everything else that ends codes.
//
// (4) Revoked, or expired: then within the hour (Service.BuryExpired).
//
// (5) Or the same bound again, after a recovery or a helpdesk code.
//
// # Sessions
//
// A session of the portal begins when a main password was right
// (Service.StartSession). Every method that takes a Session reads its record
// again in its own transaction and refuses one that ended, is at another stage,
// idle or too old: after a sign-out nothing happens any more, whatever was on its
// way. What belongs to another account answers as if it did not exist.
//
// # Codes
//
// An SMS code is derived from the random id of its challenge and never stored.
// A challenge belongs to one session of one account, one purpose and one number,
// and so does its code. The transaction that compares a code is the one that
// counts the try and acts: however many tries come at once, no more are compared
// than are allowed. A message is sent between two transactions; if that fails,
// the second gives back what the first took.
//
// Package policy answers whether a login may pass; nothing here does.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Service does it. All fields up to Hash must be set, and none is changed once
// the first method was called. All methods may be called at the same time.
//
// Every method takes a Session, or an address as a person typed it, which it
// prepares; errors are *Error where a person can do something about them.
type Service struct {
	Store  *store.Store
	Keys   *secret.Keys
	Now    func() time.Time
	Rand   io.Reader             // of cryptographic quality
	Config func() *config.Config // the one in force: a reload changes it

	// Hash makes the stored form of a new main password. It may take long.
	Hash func(ctx context.Context, password secret.Secret) (string, error)

	// Cost is that of Hash; zero: the usual one.
	Cost secret.Cost

	// Flush writes the events and last uses of an address that still wait in
	// memory, "" for everybody's. It is called before either is shown. Nil: nothing
	// waits.
	Flush func(ctx context.Context, address string) error

	// Sender is who sends codes at this moment; it keeps its own time and may
	// take long. Nil, or one that returns nil: nobody does.
	Sender func() sms.Sender

	// Seen notes that a session is in use; it does not wait for the store. Nil:
	// use does not keep sessions from becoming idle.
	Seen func(u store.Use)

	// Network is what an address is counted with: sessions that wait for a code
	// share the room for them by it. Nil: each address by itself.
	Network func(addr netip.Addr) netip.Prefix

	// SameMain says whether a fingerprint is that of the account's present main
	// password, in the stored hash that it has or in one that was replaced by it.
	// Nil: of the present stored hash.
	SameMain func(a *store.Account, fingerprint [16]byte) bool

	// Cut ends the mail sessions of an account that these credentials opened. It
	// is called after the change is on disk and does not block. Nil: they last.
	Cut func(address string, credentials []string)

	// Enforced says whether two-step verification is required of a domain's
	// accounts. Nil: what the configuration says at that moment.
	Enforced func(domain string, now time.Time) bool
}

// address prepares what a person typed. A name that cannot be prepared is no
// account's, so the error is the same as for a missing account.
func (s *Service) address(typed string) (string, error) {
	name, err := sasl.PrepareName(typed, s.Config().Auth.DefaultDomain)
	if err != nil {
		told := noAccount(err)
		if !strings.Contains(typed, "@") && s.Config().Auth.DefaultDomain == "" {
			told.Hint = "write it with its domain, name@example.org, or set default_domain in [auth]"
		}
		return "", told
	}
	return name, nil
}

// Refresh makes events and last uses of an account readable that still wait in
// memory. Pages that show either call it before they ask for the owner's devices or
// app passwords; those that only look for one of them need not wait for the disk.
func (s *Service) Refresh(ctx context.Context, address string) error {
	return explain(s.flush(ctx, address))
}

// flush makes events and last uses of an address readable, "" for everybody's.
func (s *Service) flush(ctx context.Context, address string) error {
	if s.Flush == nil {
		return nil
	}
	return s.Flush(ctx, address)
}

// enforced tells whether two-step verification is required of an account, but
// for an exception.
func (s *Service) enforced(a *store.Account, now time.Time) bool {
	_, domain, _ := strings.Cut(a.Address, "@")
	if s.Enforced != nil {
		return s.Enforced(domain, now)
	}
	return s.Config().TwoStep.Enforced(domain, now)
}

// change is a change of one account inside its transaction.
type change struct {
	*store.Writer
	account *store.Account
	actor   store.Actor
	now     time.Time
	made    bool // something changed
	deleted bool // what changed is that the account goes
	buried  []store.AppPassword
	cut     mailCut
}

// change runs fn in one transaction with the account that typed means, and
// writes the account back, or deletes it, if something changed. fn may run more
// than once.
func (s *Service) change(ctx context.Context, actor store.Actor, typed string, fn func(c *change) error) error {
	name, err := s.address(typed)
	if err != nil {
		return err
	}
	return s.changeAt(ctx, actor, name, fn)
}

// changeAt is change of the account whose prepared name is known.
func (s *Service) changeAt(ctx context.Context, actor store.Actor, name string, fn func(c *change) error) error {
	now := s.Now().UTC()
	var c *change
	err := s.Store.Update(ctx, func(w *store.Writer) error {
		account, err := find(&w.Reader, name)
		if err != nil {
			return err
		}
		c = &change{Writer: w, account: account, actor: actor, now: now}
		if err := fn(c); err != nil {
			return err
		}
		return c.write()
	})
	if err != nil {
		return explain(err)
	}
	s.cutMail(c)
	return nil
}

// write writes the account's own record last: an engine of several machines
// finds by it that two changes met.
func (c *change) write() error {
	switch {
	case !c.made:
		return nil
	case c.deleted:
		return c.DeleteAccount(c.account)
	default:
		return c.PutAccount(c.account)
	}
}

// event notes what the change is. credential is the id of an app password, ""
// if none is meant; detail never holds a secret.
func (c *change) event(kind store.EventKind, credential, detail string) error {
	c.made = true
	return c.PutEvent(store.Event{
		Time: c.now, Last: c.now, Count: 1, Kind: kind, AccountID: c.account.ID, Address: c.account.Address,
		Credential: credential, Actor: c.actor, Detail: detail,
	})
}

// explain turns the store's errors into ones that a person can read.
func explain(err error) error {
	var own *Error
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, store.ErrNoAccount):
		return noAccount(err)
	case errors.Is(err, store.ErrAccountExists):
		return &Error{Kind: ErrExists, Sentence: "this account exists already", Cause: err}
	case errors.Is(err, store.ErrDamaged):
		return &Error{Kind: ErrDamaged, Sentence: "a record of this account is damaged",
			Hint: "nothing was changed; restore the database from a backup", Cause: err}
	default:
		return fmt.Errorf("accounts: %w", err)
	}
}
