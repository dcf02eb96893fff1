package accounts

import (
	"context"
	"fmt"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// ChangePassword gives the owner's account a new main password. That the present
// one is known was found out a moment before. revoke also ends all live app
// passwords; it returns those.
func (s *Service) ChangePassword(ctx context.Context, in Session, next secret.Secret, revoke bool) (Entered, []store.AppPasswordID, error) {
	if next.IsZero() {
		return Entered{}, nil, &Error{Kind: ErrPassword, Sentence: "the password is empty"}
	}
	err := s.look(ctx, in, func(_ *store.Reader, o *own) error { return o.freshInside() }) // before the slow hash
	if err != nil {
		return Entered{}, nil, err
	}
	hash, err := s.newHash(ctx, next)
	if err != nil {
		return Entered{}, nil, err
	}
	token, err := secret.NewToken(s.Rand)
	if err != nil {
		return Entered{}, nil, fmt.Errorf("accounts: %w", err)
	}
	var entered Entered
	var ended []store.AppPasswordID
	err = s.own(ctx, in, func(o *own) error {
		if err := o.freshInside(); err != nil {
			return err
		}
		o.cut = cutMain
		var err error
		if ended, err = o.setPassword(hash, revoke, o.session.ID); err != nil {
			return err
		}
		if err := o.DeleteHelpdeskCode(o.account.ID); err != nil {
			return err
		}
		entered, err = o.enter(token)
		return err
	})
	if err != nil {
		return Entered{}, nil, err
	}
	return entered, ended, nil
}
