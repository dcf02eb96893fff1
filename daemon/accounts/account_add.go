package accounts

import (
	"context"
	"errors"
	"strings"

	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Add makes an account. The zero Secret makes one without a main password,
// which only app passwords open.
func (s *Service) Add(ctx context.Context, actor store.Actor, typed string, password secret.Secret) (*Account, error) {
	name, err := sasl.PrepareName(typed, s.Config().Auth.DefaultDomain)
	if err == nil {
		err = sasl.CheckNewAddress(name)
	}
	if err != nil {
		return nil, badAddress(typed, err)
	}
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return nil, err
	}
	now := s.Now().UTC()
	err = s.Store.Update(ctx, func(w *store.Writer) error {
		account, err := w.CreateAccount(name, hash)
		if errors.Is(err, store.ErrAliasExists) {
			var of *store.Account
			if of, err = w.Named(name); err == nil {
				return isAlias("this address", of)
			}
		}
		if err != nil {
			return err
		}
		c := &change{Writer: w, account: account, actor: actor, now: now}
		return c.event(store.EventAccountAdded, "", "")
	})
	if err != nil {
		return nil, explain(err)
	}
	return s.Show(ctx, name)
}

func badAddress(typed string, cause error) *Error {
	e := &Error{Kind: ErrAddress, Sentence: "this cannot be the address of an account", Cause: cause,
		Hint: "before the @, use only a-z 0-9 . _ + = - with no dot at either end and no two dots in a row"}
	if !strings.Contains(typed, "@") {
		e.Hint = "write it as name@example.org, or set default_domain in [auth]"
	}
	return e
}
