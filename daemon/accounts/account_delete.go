package accounts

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
)

// Delete removes an account with all that belongs to it, except its events. An
// account made later under the same address inherits nothing.
func (s *Service) Delete(ctx context.Context, actor store.Actor, typed string) error {
	return s.change(ctx, actor, typed, func(c *change) error {
		c.deleted, c.cut = true, cutAll
		return c.event(store.EventAccountDeleted, "", "")
	})
}
