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
	var page []Event
	err := r.scanEvents(q, readAll, func(e *Event) bool {
		page = append(page, *e)
		return len(page) < limit
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Logins calls each for the logins of one address that q selects, the newest first
// by when they began, and no more than so many guesses. q's Limit is not looked at.
// The list that the events stand in tells what is a change and what a guess, so that
// none is read in vain: a record is 3 µs, and an account may have thousands. Damaged
// ones are left out.
func (r *Reader) Logins(q EventQuery, guesses int, each func(*Event)) error {
	wanted := func(key, value []byte) bool {
		if len(value) != headerLen+1 {
			return true // not told
		}
		class := eventClass(value[headerLen])
		switch class {
		case classGuess:
			if guesses > 0 {
				guesses--
				return true
			}
		case classAccepted, classRefused:
			return true
		}
		return r.s.listed(key, value) != class // a damaged listing tells nothing
	}
	return r.scanEvents(q, wanted, func(e *Event) bool {
		if e.Kind == EventLogin {
			each(e)
		}
		return true
	})
}

func readAll([]byte, []byte) bool { return true }

// scanEvents calls each for the events that q selects, but for its Limit, until it
// returns false. Those whose key and value in the list wanted does not want are not
// read.
func (r *Reader) scanEvents(q EventQuery, wanted func(key, value []byte) bool, each func(*Event) bool) error {
	prefix := []byte{keyEvent}
	if q.Address != "" {
		prefix = ownerAddressPrefix(q.Address)
	}
	var after []byte
	if !q.After.IsZero() {
		after = ownerKey(prefix, q.After)
	}
	return r.kv.Scan(prefix, after, func(key, value []byte) error {
		if len(key) != len(prefix)+len(EventID{}) {
			return kv.ErrStop
		}
		id := EventID(key[len(prefix):])
		if !q.Since.IsZero() && id.Time().Before(q.Since) {
			return kv.ErrStop
		}
		if !wanted(key, value) {
			return nil
		}
		e, err := r.event(id)
		if errors.Is(err, kv.ErrNotFound) {
			return nil // trimmed by another owner
		}
		if errors.Is(err, ErrDamaged) {
			e, err = Event{ID: id, Time: id.Time(), Last: id.Time(), Count: 1, Kind: EventDamaged,
				Detail: "an event record failed its check"}, nil
		}
		if err != nil {
			return err
		}
		if (q.AccountID.IsZero() || e.AccountID == q.AccountID) && !each(&e) {
			return kv.ErrStop
		}
		return nil
	})
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
