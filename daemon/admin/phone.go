package admin

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// PhoneBind asks to bind a phone.
type PhoneBind struct {
	Address string `json:"address"`
	Number  string `json:"number"`
}

func (h *Handler) phoneBind(ctx context.Context, q PhoneBind) (accounts.Binding, error) {
	return h.accounts.BindPhone(ctx, identity(ctx).Actor, q.Address, q.Number)
}

func (h *Handler) phoneUnbind(ctx context.Context, q AccountQuestion) (Done, error) {
	return Done{}, h.accounts.UnbindPhone(ctx, identity(ctx).Actor, q.Address)
}

// PhoneShown is the phone of an account, and how the account stands.
type PhoneShown struct {
	*accounts.Phone                  // nil: none is bound
	TwoStep         accounts.TwoStep `json:"two_step"`
}

// phoneShow knows no such phone only where nothing waits for one either.
func (h *Handler) phoneShow(ctx context.Context, q AccountQuestion) (PhoneShown, error) {
	stands, err := h.accounts.TwoStep(ctx, q.Address)
	if err != nil {
		return PhoneShown{}, err
	}
	p, err := h.accounts.ShowPhone(ctx, q.Address)
	waited := stands.Expected != nil || !stands.HelpdeskCodeUntil.IsZero() || !stands.ClosedUntil.IsZero()
	if errors.Is(err, accounts.ErrNoPhone) && waited {
		return PhoneShown{nil, stands}, nil
	}
	return PhoneShown{&p, stands}, err
}

// phoneReveal shows the whole number, and leaves an event.
func (h *Handler) phoneReveal(ctx context.Context, q AccountQuestion) (PhoneShown, error) {
	p, err := h.accounts.RevealPhone(ctx, identity(ctx).Actor, q.Address)
	if err != nil {
		return PhoneShown{}, err
	}
	stands, err := h.accounts.TwoStep(ctx, q.Address)
	return PhoneShown{&p, stands}, err
}
