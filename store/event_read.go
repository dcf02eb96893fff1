package store

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Events returns one page of events, newest first by when they began.
func (s *Store) Events(ctx context.Context, q EventQuery) ([]Event, error) {
	var page []Event
	err := s.View(ctx, func(r *Reader) error {
		var err error
		page, err = r.Events(q)
		return err
	})
	return page, err
}

// Events returns one page of events, newest first by when they began. A damaged
// record is in the page as an event of kind EventDamaged with the id and time of
// the one that was lost.
func (r *Reader) Events(q EventQuery) ([]Event, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, maxPage)
	prefix := []byte{keyEvent}
	if q.Address != "" {
		prefix = ownerAddressPrefix(q.Address)
	}
	var after []byte
	if !q.After.IsZero() {
		after = ownerKey(prefix, q.After)
	}
	var page []Event
	err := r.kv.Scan(prefix, after, func(key, _ []byte) error {
		if len(page) >= limit || len(key) != len(prefix)+len(EventID{}) {
			return kv.ErrStop
		}
		id := EventID(key[len(prefix):])
		if !q.Since.IsZero() && id.Time().Before(q.Since) {
			return kv.ErrStop
		}
		e, err := r.event(id)
		if errors.Is(err, kv.ErrNotFound) {
			return nil // trimmed by another owner
		}
		if errors.Is(err, ErrDamaged) {
			e, err = Event{ID: id, Time: id.Time(), Last: id.Time(), Count: 1, Kind: EventDamaged,
				Detail: "an event record failed its check"}, nil
		}
		if err == nil && (q.AccountID.IsZero() || e.AccountID == q.AccountID) {
			page = append(page, e)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

func (r *Reader) event(id EventID) (Event, error) {
	payload, err := r.payload(eventKey(id), kv.ErrNotFound)
	if err != nil {
		return Event{}, err
	}
	record, err := decode[eventRecord](r.s, payload)
	if err != nil {
		return Event{}, err
	}
	return record.event(id)
}
