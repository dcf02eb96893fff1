package admin

import (
	"context"

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

func (h *Handler) phoneShow(ctx context.Context, q AccountQuestion) (accounts.Phone, error) {
	return h.accounts.ShowPhone(ctx, q.Address)
}

// phoneReveal shows the whole number, and leaves an event.
func (h *Handler) phoneReveal(ctx context.Context, q AccountQuestion) (accounts.Phone, error) {
	return h.accounts.RevealPhone(ctx, identity(ctx).Actor, q.Address)
}
