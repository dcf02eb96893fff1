package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// prunePage is how many events one transaction of pruning removes.
const prunePage = 250

// PruneEvents removes events that began before the given time, and the oldest of
// every owner that has more than its cap (Options). It works in pages, so that
// nothing waits long behind it, and returns how many events it removed.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (int, error) {
	removed, err := s.pruneOld(ctx, before)
	if err != nil {
		return removed, err
	}
	n, err := s.pruneOwners(ctx, before)
	return removed + n, err
}

func (s *Store) pruneOld(ctx context.Context, before time.Time) (int, error) {
	removed := 0
	for {
		var old [][]byte
		err := s.engine.View(ctx, func(r kv.Reader) error {
			old = old[:0]
			return r.Scan([]byte{keyEvent}, eventKey(lastEventIDAt(before)), func(key, _ []byte) error {
				if len(old) == prunePage {
					return kv.ErrStop
				}
				old = append(old, bytes.Clone(key))
				return nil
			})
		})
		if err != nil || len(old) == 0 {
			return removed, err
		}
		n, err := s.removeEvents(ctx, old)
		removed += n
		if err != nil {
			return removed, err
		}
	}
}

// pruneOwners walks all owners' lists, in pages, and removes what is over a cap,
// and pointers older than before, whose event is gone already.
func (s *Store) pruneOwners(ctx context.Context, before time.Time) (int, error) {
	removed, count := 0, 0
	var after, owner []byte
	oldest := lastEventIDAt(before)
	for {
		var excess [][]byte
		seen := 0
		err := s.engine.View(ctx, func(r kv.Reader) error {
			return r.Scan([]byte{keyOwner}, after, func(key, _ []byte) error {
				if seen == maxPage || len(excess) == prunePage {
					return kv.ErrStop
				}
				seen++
				after = append(after[:0], key...)
				prefix, id, ok := splitOwnerKey(key)
				if !ok {
					return nil
				}
				if !bytes.Equal(prefix, owner) {
					owner, count = append(owner[:0], prefix...), 0
				}
				count++
				if count > s.caps.of(owner) || bytes.Compare(id[:], oldest[:]) > 0 {
					excess = append(excess, bytes.Clone(key))
				}
				return nil
			})
		})
		if err != nil || seen == 0 {
			return removed, err
		}
		n, err := s.removeEvents(ctx, excess)
		removed += n
		if err != nil {
			return removed, err
		}
	}
}

// trimOwner removes one owner's events beyond its cap.
func (s *Store) trimOwner(ctx context.Context, owner []byte) (int, error) {
	removed := 0
	for {
		var excess [][]byte
		count, keep := 0, s.caps.of(owner)
		err := s.engine.View(ctx, func(r kv.Reader) error {
			return r.Scan(owner, nil, func(key, _ []byte) error {
				if len(key) != len(owner)+len(EventID{}) {
					return nil
				}
				if count++; count > keep {
					excess = append(excess, bytes.Clone(key))
				}
				if len(excess) == prunePage {
					return kv.ErrStop
				}
				return nil
			})
		})
		if err != nil || len(excess) == 0 {
			return removed, err
		}
		n, err := s.removeEvents(ctx, excess)
		removed += n
		if err != nil {
			return removed, err
		}
	}
}

// removeEvents removes the events that keys (events' own or owners') end in,
// those keys, and the other owners' keys as far as the record still tells them.
// It returns how many events there were.
func (s *Store) removeEvents(ctx context.Context, keys [][]byte) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	removed := 0
	err := s.Update(ctx, func(w *Writer) error {
		removed = 0
		for _, key := range keys {
			was, err := w.removeEvent(key)
			if err != nil {
				return err
			}
			if was {
				removed++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// removeEvent reports whether the event was still there.
func (w *Writer) removeEvent(key []byte) (bool, error) {
	id := EventID(key[len(key)-len(EventID{}):])
	e, err := w.event(id)
	if err != nil && !errors.Is(err, kv.ErrNotFound) && !errors.Is(err, ErrDamaged) {
		return false, err
	}
	was := !errors.Is(err, kv.ErrNotFound)
	doomed := [][]byte{key, eventKey(id)}
	if err == nil {
		for _, owner := range e.owners() {
			doomed = append(doomed, ownerKey(owner, id))
		}
	}
	for _, key := range doomed {
		if err := w.kv.Delete(key); err != nil {
			return was, err
		}
	}
	return was, nil
}
