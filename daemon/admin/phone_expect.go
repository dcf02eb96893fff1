package admin

import "context"

// PhoneExpect asks that only this number may be bound.
type PhoneExpect struct {
	Address string `json:"address"`
	Number  string `json:"number"`
}

// PhoneExpected is the answer.
type PhoneExpected struct {
	Phone string `json:"phone"` // masked
}

func (h *Handler) phoneExpect(ctx context.Context, q PhoneExpect) (PhoneExpected, error) {
	if err := h.accounts.ExpectPhone(ctx, identity(ctx).Actor, q.Address, q.Number); err != nil {
		return PhoneExpected{}, err
	}
	stands, err := h.accounts.TwoStep(ctx, q.Address)
	if err != nil || stands.Expected == nil { // it was taken back just now
		return PhoneExpected{}, err
	}
	return PhoneExpected{stands.Expected.Phone}, nil
}
