package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// UnbindPhone removes the phone, with the recovery codes. The main password opens
// mail programs again, unless two-step verification is enforced; app passwords
// stay.
func (s *Service) UnbindPhone(ctx context.Context, actor store.Actor, typed string) error {
	return s.change(ctx, actor, typed, func(c *change) error {
		if c.account.Bound.IsZero() {
			return noPhone(nil)
		}
		return c.unbind(store.SessionID{})
	})
}

// Unbind is UnbindPhone for the owner, where two-step verification is not
// required.
func (s *Service) Unbind(ctx context.Context, in Session) (Entered, error) {
	token, err := secret.NewToken(s.Rand)
	if err != nil {
		return Entered{}, fmt.Errorf("accounts: %w", err)
	}
	var entered Entered
	err = s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		if !o.bound() {
			return notBound()
		}
		if o.required() {
			return &Error{Kind: ErrRequired, Sentence: "two-step verification is required, so a phone has to be bound", Hint: "change the number instead"}
		}
		if err := o.freshInside(); err != nil {
			return err
		}
		if err := o.unbind(o.session.ID); err != nil {
			return err
		}
		o.session.Stepped = time.Time{}
		entered, err = o.enter(token)
		return err
	})
	if err != nil {
		return Entered{}, err
	}
	return entered, nil
}

func (c *change) unbind(but store.SessionID) error {
	if err := c.DeletePhone(c.account.ID); err != nil {
		return err
	}
	c.account.Bound = time.Time{}
	if err := c.endAtPortal(but); err != nil {
		return err
	}
	if err := errors.Join(c.endRecovery(), c.openCodes()); err != nil {
		return err
	}
	return c.event(store.EventPhoneUnbound, "", "")
}
