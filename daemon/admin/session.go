package admin

import "context"

// SessionsEnded is how many sessions at the portal ended.
type SessionsEnded struct {
	Ended int `json:"ended"`
}

func (h *Handler) sessionEnd(ctx context.Context, q AccountQuestion) (SessionsEnded, error) {
	n, err := h.accounts.EndSessions(ctx, identity(ctx).Actor, q.Address)
	return SessionsEnded{n}, err
}
