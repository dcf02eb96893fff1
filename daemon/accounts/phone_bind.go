package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/store"
)

// Binding says what binding a phone did.
type Binding struct {
	Phone   string                `json:"phone"`           // masked
	Changed bool                  `json:"changed"`         // another number was bound before
	Again   bool                  `json:"again,omitempty"` // the same number was
	Ended   []store.AppPasswordID `json:"ended"`           // app passwords made before
}

// BindPhone binds a phone, or another number if one is bound, as an administrator
// does: without a code, and whatever number is expected. The first binding closes
// the doors in the same transaction: from then on the main password opens nothing
// but the portal, and app passwords made before end, unless an administrator made
// them.
func (s *Service) BindPhone(ctx context.Context, actor store.Actor, typed, number string) (Binding, error) {
	e164, err := mobileNumber(number)
	if err != nil {
		return Binding{}, err
	}
	var b Binding
	err = s.change(ctx, actor, typed, func(c *change) error {
		b = Binding{Phone: store.MaskNumber(e164), Ended: []store.AppPasswordID{}}
		if same, err := c.binds(e164); err != nil || same {
			return err
		}
		return c.bind(e164, &b, store.SessionID{})
	})
	return b, err
}

// bindOwn is the same for an owner, in a session that stays.
func (o *own) bindOwn(e164 string) (*Binding, error) {
	b := &Binding{Phone: store.MaskNumber(e164), Ended: []store.AppPasswordID{}}
	return b, o.bind(e164, b, o.session.ID)
}

// binds tells whether this is the number that is bound. One that cannot be read is
// no number: it is replaced.
func (c *change) binds(e164 string) (bool, error) {
	if c.account.Bound.IsZero() {
		return false, nil
	}
	p, err := c.Phone(c.account.ID)
	if errors.Is(err, store.ErrNoPhone) || errors.Is(err, store.ErrDamaged) {
		return false, nil
	}
	return err == nil && p.Number == e164, err
}

// bind binds a number, first, other or the same again, and ends what that ends. Who
// binds has the phone, or is an administrator: the SMS step is open again.
func (c *change) bind(e164 string, b *Binding, but store.SessionID) error {
	first := c.account.Bound.IsZero()
	same, err := c.binds(e164)
	if err != nil {
		return err
	}
	b.Changed, b.Again = !first && !same, same
	if err := c.PutPhone(c.account.ID, store.Phone{Number: e164, Bound: c.now, BoundBy: c.actor}); err != nil {
		return err
	}
	err = errors.Join(c.endAtPortal(but), c.DeleteHelpdeskCode(c.account.ID), c.DeleteExpectedPhone(c.account.ID), c.openCodes())
	switch {
	case err != nil:
		return err
	case b.Again:
		return c.event(store.EventPhoneBound, "", "again: "+b.Phone)
	case b.Changed:
		return c.event(store.EventPhoneBound, "", "number changed to "+b.Phone)
	}
	c.account.Bound = c.now
	c.cut = cutMain
	if err := c.event(store.EventPhoneBound, "", b.Phone); err != nil {
		return err
	}
	// One whose description is lost ends with them: nobody knows who made it.
	ended, err := c.endAppPasswords(store.MadeBeforeBinding, func(p store.AppPassword) bool { return !p.ByAdmin })
	if err != nil {
		return fmt.Errorf("ending earlier app passwords: %w", err)
	}
	b.Ended = append(b.Ended, ended...)
	return nil
}
