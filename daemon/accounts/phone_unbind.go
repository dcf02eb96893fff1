package accounts

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// UnbindPhone removes the phone. The main password opens mail programs again,
// unless two-step verification is enforced; app passwords stay.
func (s *Service) UnbindPhone(ctx context.Context, actor store.Actor, typed string) error {
	return s.change(ctx, actor, typed, func(c *change) error {
		if c.account.Bound.IsZero() {
			return noPhone(nil)
		}
		if err := c.DeletePhone(c.account.ID); err != nil {
			return err
		}
		c.account.Bound = time.Time{}
		return c.event(store.EventPhoneUnbound, "", "")
	})
}
