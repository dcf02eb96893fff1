package accounts

import (
	"context"
	"fmt"

	"github.com/latchkey-mail/latchkey/store"
)

// SignOut ends a session, at any stage.
func (s *Service) SignOut(ctx context.Context, in Session) error {
	return s.own(ctx, in, func(o *own) error {
		if err := o.DeleteSession(o.account.ID, o.session.ID); err != nil {
			return err
		}
		return o.event(store.EventSessionEnded, "", "signed out")
	})
}

// SignOutEverywhere ends all sessions of the account. Trust in browsers stays.
func (s *Service) SignOutEverywhere(ctx context.Context, in Session) error {
	return s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		_, err := o.endSessions()
		return err
	})
}

// EndSessions ends all sessions of an account at the portal, and tells how many
// there were.
func (s *Service) EndSessions(ctx context.Context, actor store.Actor, typed string) (int, error) {
	ended := 0
	err := s.change(ctx, actor, typed, func(c *change) error {
		var err error
		ended, err = c.endSessions()
		return err
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}

func (c *change) endSessions() (int, error) {
	n, err := c.Writer.EndSessions(c.account.ID, store.SessionID{})
	if err != nil || n == 0 {
		return n, err
	}
	return n, c.event(store.EventSessionEnded, "", fmt.Sprintf("all of them: %d", n))
}
