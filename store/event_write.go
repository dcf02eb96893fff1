package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// maxMerged is the most records that one WriteMerged takes: about 50 ms on a
// plain disk, the longest that a change should have to wait behind it.
const maxMerged = 1000

// NewEventID draws the id of an event that began at t.
func (s *Store) NewEventID(t time.Time) (EventID, error) {
	var random [4]byte
	if _, err := io.ReadFull(s.rand, random[:]); err != nil {
		return EventID{}, fmt.Errorf("store: drawing an event id: %w", err)
	}
	return makeEventID(t, s.sequence.Add(1), binary.BigEndian.Uint32(random[:])), nil
}

// WriteMerged writes a batch of events and last uses, at most 1,000 together, in
// one transaction. An event without an ID is new and gets one, in the caller's
// slice; an event with an ID replaces the one written earlier: that is how a
// merged event grows. A stamp whose account is gone is dropped. Afterwards
// owners with too many events lose their oldest (Options); should that fail, the
// batch is on disk all the same, and writing it again changes nothing.
func (s *Store) WriteMerged(ctx context.Context, events []Event, uses []Use) error {
	if len(events)+len(uses) > maxMerged {
		return fmt.Errorf("%w: more than %d events and uses in a batch", ErrInvalidRecord, maxMerged)
	}
	for i := range events {
		if events[i].ID.IsZero() {
			id, err := s.NewEventID(events[i].Time)
			if err != nil {
				return err
			}
			events[i].ID = id
		}
	}
	err := s.Update(ctx, func(w *Writer) error {
		for i := range events {
			if err := w.PutEvent(events[i]); err != nil {
				return err
			}
		}
		for _, u := range uses {
			if err := w.putUse(u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, owner := range s.added.due(s.caps) {
		if _, err := s.pruneLists(ctx, []byte(owner), time.Time{}, func() {}); err != nil {
			return fmt.Errorf("store: trimming events: %w", err)
		}
	}
	return nil
}

// PutEvent writes an event in this transaction. Without an ID it gets one;
// without a Time, the store's clock; Count 0 means 1 and a zero Last is Time. An
// Address that no account can have is dropped with its AccountID: people type
// passwords into the name field.
func (w *Writer) PutEvent(e Event) error {
	if e.Time.IsZero() {
		e.Time = w.s.now()
	}
	if e.Last.IsZero() {
		e.Last = e.Time
	}
	e.Count = max(e.Count, 1)
	if !validAddress(e.Address) || clip(e.Address) != e.Address {
		e.Address, e.AccountID = "", AccountID{}
	}
	isNew := e.ID.IsZero()
	if isNew {
		var err error
		if e.ID, err = w.s.NewEventID(e.Time); err != nil {
			return err
		}
	}
	return w.putEvent(&e)
}

func (w *Writer) putEvent(e *Event) error {
	key := eventKey(e.ID)
	_, err := w.kv.Get(key)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return err
	}
	isNew := err != nil
	if err := putCold(w, key, e.record()); err != nil {
		return err
	}
	if !isNew {
		return nil // its owners list it already
	}
	for _, owner := range e.owners() {
		pointer := ownerKey(owner, e.ID)
		if err := w.kv.Put(pointer, w.s.seal(pointer, e.listing(owner))); err != nil {
			return err
		}
		w.added = append(w.added, string(owner))
	}
	return nil
}
