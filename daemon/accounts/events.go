package accounts

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// EventQuery selects events for Events.
type EventQuery struct {
	Address string        // as typed; "" = all accounts and unknown names
	Since   time.Time     // zero = all
	After   store.EventID // the last one of the page before
	Limit   int           // 0 = MaxPage
}

// Events is a page of what happened, newest first. The events of a deleted
// account are found by its address.
func (s *Service) Events(ctx context.Context, q EventQuery) ([]store.Event, error) {
	name := ""
	if q.Address != "" {
		var err error
		if name, err = s.address(q.Address); err != nil {
			return nil, err
		}
	}
	if q.Limit <= 0 || q.Limit > MaxPage {
		q.Limit = MaxPage
	}
	if err := s.flush(ctx, name); err != nil {
		return nil, explain(err)
	}
	page, err := s.Store.Events(ctx, store.EventQuery{Address: name, Since: q.Since, After: q.After, Limit: q.Limit})
	return page, explain(err)
}
