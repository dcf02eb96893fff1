package admin

import (
	"context"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// Schemes asks how main passwords are kept, page by page.
type Schemes struct {
	After  string `json:"after,omitempty"`  // Next of the page before
	Scheme string `json:"scheme,omitempty"` // whose addresses are wanted, too
}

func (h *Handler) schemes(ctx context.Context, q Schemes) (accounts.SchemePage, error) {
	return h.accounts.Schemes(ctx, q.After, q.Scheme)
}
