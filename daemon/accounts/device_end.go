package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Untrust takes the trust from one of the owner's browsers: the next sign-in in
// it asks for the code. Its sessions stay.
func (s *Service) Untrust(ctx context.Context, in Session, id store.DeviceID) error {
	return s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		return o.untrust(id)
	})
}

// DeleteDevice removes one of the owner's browsers: its trust and its sessions
// end.
func (s *Service) DeleteDevice(ctx context.Context, in Session, id store.DeviceID) error {
	return s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		return o.remove(id)
	})
}

// UntrustDevice is Untrust for the helpdesk.
func (s *Service) UntrustDevice(ctx context.Context, actor store.Actor, typed string, id store.DeviceID) error {
	return s.change(ctx, actor, typed, func(c *change) error { return c.untrust(id) })
}

// RemoveDevice is DeleteDevice for the helpdesk.
func (s *Service) RemoveDevice(ctx context.Context, actor store.Actor, typed string, id store.DeviceID) error {
	return s.change(ctx, actor, typed, func(c *change) error { return c.remove(id) })
}

func (c *change) untrust(id store.DeviceID) error {
	d, err := c.Device(c.account.ID, id)
	switch {
	case errors.Is(err, store.ErrNoDevice):
		return noDevice(err)
	case errors.Is(err, store.ErrDamaged): // whether it is trusted cannot be told
		return c.remove(id)
	case err != nil:
		return err
	case d.TrustedUntil.IsZero():
		return nil
	}
	d.Trusted, d.TrustedUntil = time.Time{}, time.Time{}
	if err := c.PutDevice(d); err != nil {
		return err
	}
	return c.event(store.EventDeviceUntrusted, "", id.String())
}

func (c *change) remove(id store.DeviceID) error {
	_, err := c.Device(c.account.ID, id)
	switch {
	case errors.Is(err, store.ErrNoDevice):
		return noDevice(err)
	case err != nil && !errors.Is(err, store.ErrDamaged):
		return err
	}
	if err := c.dropDevice(id); err != nil {
		return err
	}
	return c.event(store.EventDeviceDeleted, "", id.String())
}

func noDevice(cause error) error {
	return &Error{Kind: ErrNoDevice, Sentence: "the account has no device with this id",
		Hint: "list them with their ids: latchkey devices ADDRESS list", Cause: cause}
}
