package accounts

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
)

// ExpectPhone names the only number that may be bound to an account, until it is:
// then who stole a main password cannot bind a phone first.
func (s *Service) ExpectPhone(ctx context.Context, actor store.Actor, typed, number string) error {
	e164, err := s.allowedNumber(number)
	if err != nil {
		return err
	}
	return s.change(ctx, actor, typed, func(c *change) error {
		if err := c.PutExpectedPhone(c.account.ID, store.ExpectedPhone{Number: e164, Made: c.now, By: actor}); err != nil {
			return err
		}
		return c.event(store.EventPhoneExpected, "", store.MaskNumber(e164))
	})
}
