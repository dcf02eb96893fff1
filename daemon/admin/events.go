package admin

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// Events asks for a page of events.
type Events struct {
	Address string        `json:"address,omitempty"` // "" = all
	Since   time.Time     `json:"since,omitzero"`
	After   store.EventID `json:"after,omitzero"` // id of the last one of the page before
	Limit   int           `json:"limit,omitempty"`
}

// EventPage is a page of events, newest first.
type EventPage struct {
	Events []store.Event `json:"events"`
}

func (h *Handler) events(ctx context.Context, q Events) (EventPage, error) {
	page, err := h.accounts.Events(ctx, accounts.EventQuery{Address: q.Address, Since: q.Since, After: q.After, Limit: q.Limit})
	return EventPage{append([]store.Event{}, page...)}, err
}
