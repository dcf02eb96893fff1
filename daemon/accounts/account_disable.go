package accounts

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/store"
)

// Disable stops every login of an account; its mail is still delivered, and
// phone, app passwords and recovery codes are kept for Enable.
func (s *Service) Disable(ctx context.Context, actor store.Actor, typed string) error {
	return s.setDisabled(ctx, actor, typed, true, store.EventAccountDisabled)
}

// Enable undoes Disable.
func (s *Service) Enable(ctx context.Context, actor store.Actor, typed string) error {
	return s.setDisabled(ctx, actor, typed, false, store.EventAccountEnabled)
}

func (s *Service) setDisabled(ctx context.Context, actor store.Actor, typed string, disabled bool, kind store.EventKind) error {
	return s.change(ctx, actor, typed, func(c *change) error {
		if c.account.Disabled == disabled {
			return nil
		}
		c.account.Disabled = disabled
		if err := c.event(kind, "", ""); err != nil || !disabled {
			return err
		}
		c.cut = cutAll
		return errors.Join(c.endAtPortal(store.SessionID{}), c.DeleteHelpdeskCode(c.account.ID))
	})
}
