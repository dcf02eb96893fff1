package admin

import (
	"context"
	"time"

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
	Portal string    `json:"portal,omitempty"` // where it is typed
}

func (h *Handler) phoneReset(ctx context.Context, q PhoneReset) (PhoneResetMade, error) {
	code, until, err := h.accounts.ResetPhone(ctx, identity(ctx).Actor, q.Address, q.RevokeAppPasswords)
	if err != nil {
		return PhoneResetMade{}, err
	}
	return PhoneResetMade{Password{secret.New(code.Group())}, until, h.accounts.Config().Portal.URL}, nil
}
