package admin

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
)

// AliasQuestion asks for a change of one alias of an account.
type AliasQuestion struct {
	Address string `json:"address"`
	Alias   string `json:"alias"`
}

func (h *Handler) aliasAdd(ctx context.Context, q AliasQuestion) (Done, error) {
	return Done{}, h.accounts.AddAlias(ctx, identity(ctx).Actor, q.Address, q.Alias)
}

func (h *Handler) aliasRemove(ctx context.Context, q AliasQuestion) (Done, error) {
	return Done{}, h.accounts.RemoveAlias(ctx, identity(ctx).Actor, q.Address, q.Alias)
}

// AliasPage is all aliases of an account.
type AliasPage struct {
	Aliases []store.Alias `json:"aliases"`
}

func (h *Handler) aliasList(ctx context.Context, q AccountQuestion) (AliasPage, error) {
	list, err := h.accounts.ListAliases(ctx, q.Address)
	return AliasPage{append([]store.Alias{}, list...)}, err
}
