package accounts

import (
	"context"
	"slices"

	"github.com/latchkey-mail/latchkey/store"
)

// RevokeAppPassword ends an app password. One that has ended already stays as
// it is: see State and Ended of what is returned.
func (s *Service) RevokeAppPassword(ctx context.Context, actor store.Actor, typed string, id store.AppPasswordID) (AppPassword, error) {
	var after AppPassword
	err := s.change(ctx, actor, typed, func(c *change) error {
		var err error
		after, err = c.revoke(id)
		return err
	})
	if err != nil {
		return AppPassword{}, err
	}
	return after, nil
}

// revoke ends an app password and is what it is afterwards.
func (c *change) revoke(id store.AppPasswordID) (AppPassword, error) {
	at := slices.IndexFunc(c.account.AppPasswords, func(r store.AppPasswordRow) bool { return r.ID == id })
	if at < 0 {
		return AppPassword{}, noAppPassword(nil)
	}
	row := c.account.AppPasswords[at]
	_, err := c.endAppPasswords(store.Revoked, func(p store.AppPassword) bool { return p.ID == id })
	if err != nil {
		return AppPassword{}, err
	}
	for _, p := range c.buried { // its headstone may have fallen away at once
		if p.ID == id {
			return AppPassword{AppPassword: p}, nil
		}
	}
	p, damaged, err := description(&c.Reader, c.account.ID, row)
	return AppPassword{AppPassword: p, Damaged: damaged}, err
}

func noAppPassword(cause error) error {
	return &Error{Kind: ErrNoAppPassword, Sentence: "the account has no app password with this id",
		Hint: "list them with their ids: latchkey app-password list ADDRESS", Cause: cause}
}
