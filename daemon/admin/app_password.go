package admin

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// AppPasswordPage is all app passwords of an account, headstones too.
type AppPasswordPage struct {
	AppPasswords []accounts.AppPassword `json:"app_passwords"`
}

func (h *Handler) appPasswordList(ctx context.Context, q AccountQuestion) (AppPasswordPage, error) {
	shown, err := h.accounts.Show(ctx, q.Address)
	if err != nil {
		return AppPasswordPage{}, err
	}
	return AppPasswordPage{shown.AppPasswords}, nil
}

// AppPasswordAdd asks for an app password.
type AppPasswordAdd struct {
	Address string       `json:"address"`
	Name    string       `json:"name"`
	Scopes  store.Scopes `json:"scopes,omitempty"` // "imap,smtp"; left out: "all"
	Expires time.Time    `json:"expires,omitzero"` // left out: never
}

// AppPasswordMade is the answer, and the only place where the letters are.
type AppPasswordMade struct {
	accounts.AppPassword
	Secret Password `json:"secret"` // 16 letters without blanks
}

// appPasswordAdd makes it for the owner: it outlives the binding of a phone.
func (h *Handler) appPasswordAdd(ctx context.Context, q AppPasswordAdd) (AppPasswordMade, error) {
	spec := accounts.NewAppPassword{Name: q.Name, Scopes: q.Scopes, Expires: q.Expires, ByAdmin: true}
	made, letters, err := h.accounts.AddAppPassword(ctx, identity(ctx).Actor, q.Address, spec)
	if err != nil {
		return AppPasswordMade{}, err
	}
	return AppPasswordMade{made, Password{secret.New(string(letters[:]))}}, nil
}

// AppPasswordRevoke asks to end one.
type AppPasswordRevoke struct {
	Address string              `json:"address"`
	ID      store.AppPasswordID `json:"id"`
}

func (h *Handler) appPasswordRevoke(ctx context.Context, q AppPasswordRevoke) (accounts.AppPassword, error) {
	return h.accounts.RevokeAppPassword(ctx, identity(ctx).Actor, q.Address, q.ID)
}
