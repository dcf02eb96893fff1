package admin

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// AccountQuestion asks something about one account.
type AccountQuestion struct {
	Address string `json:"address"`
}

// Done is the answer where there is nothing to say.
type Done struct{}

// AccountList asks for a page of accounts.
type AccountList struct {
	After  string `json:"after,omitempty"`  // Next of the page before
	Limit  int    `json:"limit,omitempty"`  // 0 = accounts.MaxPage
	Search string `json:"search,omitempty"` // only addresses with it in them
}

func (h *Handler) accountList(ctx context.Context, q AccountList) (accounts.Page, error) {
	return h.accounts.List(ctx, q.After, q.Limit, q.Search)
}

// AccountShown is everything about one account.
type AccountShown struct {
	*accounts.Account
	TwoStep accounts.TwoStep `json:"two_step"`
}

func (h *Handler) accountShow(ctx context.Context, q AccountQuestion) (AccountShown, error) {
	shown, err := h.accounts.Show(ctx, q.Address)
	if err != nil {
		return AccountShown{}, err
	}
	stands, err := h.accounts.TwoStep(ctx, q.Address)
	return AccountShown{shown, stands}, err
}

// AccountAdd asks for a new account; without Password it has no main password.
type AccountAdd struct {
	Address  string    `json:"address"`
	Password *Password `json:"password,omitempty"`
}

func (h *Handler) accountAdd(ctx context.Context, q AccountAdd) (*accounts.Account, error) {
	var password secret.Secret
	if q.Password != nil {
		if q.Password.IsZero() {
			return nil, badRequest("the password is empty")
		}
		password = q.Password.Secret
	}
	return h.accounts.Add(ctx, identity(ctx).Actor, q.Address, password)
}

func (h *Handler) accountDelete(ctx context.Context, q AccountQuestion) (Done, error) {
	return Done{}, h.accounts.Delete(ctx, identity(ctx).Actor, q.Address)
}

func (h *Handler) accountDisable(ctx context.Context, q AccountQuestion) (Done, error) {
	return Done{}, h.accounts.Disable(ctx, identity(ctx).Actor, q.Address)
}

func (h *Handler) accountEnable(ctx context.Context, q AccountQuestion) (Done, error) {
	return Done{}, h.accounts.Enable(ctx, identity(ctx).Actor, q.Address)
}

// AccountExempt asks for an exception from enforcement.
type AccountExempt struct {
	Address string    `json:"address"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
}

func (h *Handler) accountExempt(ctx context.Context, q AccountExempt) (Done, error) {
	return Done{}, h.accounts.Exempt(ctx, identity(ctx).Actor, q.Address, q.Until, q.Reason)
}

func (h *Handler) accountUnexempt(ctx context.Context, q AccountQuestion) (Done, error) {
	return Done{}, h.accounts.Unexempt(ctx, identity(ctx).Actor, q.Address)
}

// SetPassword asks for a new main password.
type SetPassword struct {
	Address            string   `json:"address"`
	Password           Password `json:"password"`
	RevokeAppPasswords bool     `json:"revoke_app_passwords,omitempty"`
}

// PasswordSet is the answer.
type PasswordSet struct {
	Ended []store.AppPasswordID `json:"ended"` // app passwords, if asked
}

func (h *Handler) setPassword(ctx context.Context, q SetPassword) (PasswordSet, error) {
	ended, err := h.accounts.SetPassword(ctx, identity(ctx).Actor, q.Address, q.Password.Secret, q.RevokeAppPasswords)
	return PasswordSet{append([]store.AppPasswordID{}, ended...)}, err
}
