package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
)

// AddAlias gives an account another name to log in with and to get mail under.
// The name is one that an account could have, and none has. It belongs to this
// account, not to its address: when the account goes, so does the alias.
func (s *Service) AddAlias(ctx context.Context, actor store.Actor, typed, alias string) error {
	name, err := s.newAlias(alias)
	if err != nil {
		return err
	}
	return s.change(ctx, actor, typed, func(c *change) error {
		has, err := c.Named(name)
		switch {
		case errors.Is(err, store.ErrNoAccount):
		case err != nil:
			return err
		case has.Address == name:
			return &Error{Kind: ErrExists, Sentence: "this name is the address of an account"}
		case has.ID != c.account.ID:
			return isAlias("this name", has)
		default:
			return nil
		}
		have, err := intact(c.Aliases(c.account.ID))
		if err != nil {
			return err
		}
		if len(have) >= store.MaxAliases {
			return &Error{Kind: ErrTooManyAliases, Sentence: fmt.Sprintf("the account has %d aliases already", len(have)), Hint: "remove one first"}
		}
		if err := c.Writer.AddAlias(c.account, store.Alias{Name: name, Made: c.now, By: actor}); err != nil {
			return err
		}
		return c.event(store.EventAliasAdded, "", name)
	})
}

// newAlias prepares a name that is to be an alias.
func (s *Service) newAlias(typed string) (string, error) {
	name, err := sasl.PrepareName(typed, s.Config().Auth.DefaultDomain)
	if err == nil {
		err = sasl.CheckNewAddress(name)
	}
	if err != nil {
		told := badAddress(typed, err)
		told.Sentence = "this cannot be an alias"
		return "", told
	}
	return name, nil
}

// RemoveAlias takes a name from an account. Sessions that were opened with it
// stay: they are the account's.
func (s *Service) RemoveAlias(ctx context.Context, actor store.Actor, typed, alias string) error {
	name, err := sasl.PrepareName(alias, s.Config().Auth.DefaultDomain)
	if err != nil {
		name = alias // equals no prepared name
	}
	return s.change(ctx, actor, typed, func(c *change) error {
		err := c.DeleteAlias(c.account.ID, name)
		if errors.Is(err, store.ErrNoAlias) {
			return &Error{Kind: ErrNoAlias, Sentence: "the account has no such alias", Cause: err}
		} else if err != nil {
			return err
		}
		return c.event(store.EventAliasRemoved, "", name)
	})
}

// ListAliases is the aliases of an account, in order.
func (s *Service) ListAliases(ctx context.Context, typed string) ([]store.Alias, error) {
	name, err := s.address(typed)
	if err != nil {
		return nil, err
	}
	var list []store.Alias
	err = s.Store.View(ctx, func(r *store.Reader) error {
		account, err := find(r, name)
		if err != nil {
			return err
		}
		list, err = r.Aliases(account.ID)
		return err
	})
	return list, explain(err)
}

// find is the account with this address. One with this alias is only named: who
// changes or deletes an account says which.
func find(r *store.Reader, name string) (*store.Account, error) {
	account, err := r.Named(name)
	if err == nil && account.Address != name {
		told := noAccount(nil)
		told.Hint = "it is an alias of " + account.Address
		return nil, told
	}
	return account, err
}

func isAlias(what string, of *store.Account) *Error {
	return &Error{Kind: ErrExists, Sentence: what + " is an alias of " + of.Address, Hint: "remove it there first"}
}

// aliasNames adds an account's aliases to its line.
func (sum *Summary) aliasNames(r *store.Reader) error {
	list, err := r.Aliases(sum.ID)
	if errors.Is(err, store.ErrDamaged) {
		sum.AliasesDamaged, err = true, nil
	}
	for _, x := range list {
		sum.Aliases = append(sum.Aliases, x.Name)
	}
	return err
}
