package admin

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// PhoneReset asks for a one-time code for who has lost a phone.
type PhoneReset struct {
	Address            string `json:"address"`
	RevokeAppPasswords bool   `json:"revoke_app_passwords,omitempty"`
}

// PhoneResetMade is the answer, and the only place where the code is.
type PhoneResetMade struct {
	Code   Password  `json:"code"` // as it is told: "abcd-efgh-jkmn"
	Until  time.Time `json:"until"`
	Bound  bool      `json:"bound"`            // a phone is: the code is for who has lost it
	Portal string    `json:"portal,omitempty"` // where it is typed
}

func (h *Handler) phoneReset(ctx context.Context, q PhoneReset) (PhoneResetMade, error) {
	code, until, err := h.accounts.ResetPhone(ctx, identity(ctx).Actor, q.Address, q.RevokeAppPasswords)
	if err != nil {
		return PhoneResetMade{}, err
	}
	_, err = h.accounts.ShowPhone(ctx, q.Address)
	return PhoneResetMade{
		Code:   Password{secret.New(code.Group())},
		Until:  until,
		Bound:  !errors.Is(err, accounts.ErrNoPhone),
		Portal: h.accounts.Config().Portal.URL,
	}, nil
}
