package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Phone is the phone of an account for a person.
type Phone struct {
	Number  string      `json:"phone"` // masked unless shown in full
	Bound   time.Time   `json:"bound"` // this number; the account may be bound longer
	BoundBy store.Actor `json:"bound_by"`
}

// ShowPhone is the phone with its number masked.
func (s *Service) ShowPhone(ctx context.Context, typed string) (Phone, error) {
	name, err := s.address(typed)
	if err != nil {
		return Phone{}, err
	}
	var p store.Phone
	err = s.Store.View(ctx, func(r *store.Reader) error {
		account, err := find(r, name)
		if err != nil {
			return err
		}
		p, err = phone(r, account)
		return err
	})
	return Phone{store.MaskNumber(p.Number), p.Bound, p.BoundBy}, explain(err)
}

// RevealPhone is the phone with its whole number. Somebody looked: that is an
// event.
func (s *Service) RevealPhone(ctx context.Context, actor store.Actor, typed string) (Phone, error) {
	var p store.Phone
	err := s.change(ctx, actor, typed, func(c *change) error {
		var err error
		if p, err = phone(&c.Reader, c.account); err != nil {
			return err
		}
		return c.event(store.EventPhoneShown, "", "")
	})
	return Phone{p.Number, p.Bound, p.BoundBy}, err
}

func phone(r *store.Reader, account *store.Account) (store.Phone, error) {
	if account.Bound.IsZero() {
		return store.Phone{}, noPhone(nil)
	}
	p, err := r.Phone(account.ID)
	if errors.Is(err, store.ErrNoPhone) {
		return store.Phone{}, noPhone(err)
	}
	return p, err
}

func noPhone(cause error) error {
	return &Error{Kind: ErrNoPhone, Sentence: "no phone is bound to this account", Cause: cause}
}
