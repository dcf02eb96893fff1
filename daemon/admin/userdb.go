package admin

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
)

// UserdbShown are an account's own userdb fields.
type UserdbShown struct {
	Fields []store.UserdbField `json:"fields"` // in the order of their keys
}

func (h *Handler) userdbShow(ctx context.Context, q AccountQuestion) (UserdbShown, error) {
	fields, err := h.accounts.Userdb(ctx, q.Address)
	return UserdbShown{append([]store.UserdbField{}, fields...)}, err
}

// UserdbSet asks that an account has these fields of its own, beside others.
type UserdbSet struct {
	Address string              `json:"address"`
	Fields  []store.UserdbField `json:"fields"`
}

func (h *Handler) userdbSet(ctx context.Context, q UserdbSet) (UserdbShown, error) {
	if len(q.Fields) == 0 {
		return UserdbShown{}, badRequest("no fields are given")
	}
	if err := h.accounts.SetUserdb(ctx, identity(ctx).Actor, q.Address, q.Fields); err != nil {
		return UserdbShown{}, err
	}
	return h.userdbShow(ctx, AccountQuestion{q.Address})
}

// UserdbUnset asks that an account no longer has these fields of its own, or none
// at all.
type UserdbUnset struct {
	Address string   `json:"address"`
	Keys    []string `json:"keys,omitempty"`
	All     bool     `json:"all,omitempty"` // instead of keys
}

func (h *Handler) userdbUnset(ctx context.Context, q UserdbUnset) (UserdbShown, error) {
	if q.All == (len(q.Keys) > 0) {
		return UserdbShown{}, badRequest("either keys or all is wanted")
	}
	if err := h.accounts.UnsetUserdb(ctx, identity(ctx).Actor, q.Address, q.Keys); err != nil {
		return UserdbShown{}, err
	}
	return h.userdbShow(ctx, AccountQuestion{q.Address})
}
