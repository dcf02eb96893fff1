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
// every owner that has more than its cap (Options), of an address those of each
// class. It works in pages, so that nothing waits long behind it, calls pause
// (unless it is nil) between two of them, and returns how many events it removed.
func (s *Store) PruneEvents(ctx context.Context, before time.Time, pause func()) (int, error) {
	if pause == nil {
		pause = func() {}
	}
	removed, err := s.pruneOld(ctx, before, pause)
	if err != nil {
		return removed, err
	}
	n, err := s.pruneLists(ctx, []byte{keyOwner}, before, pause)
	return removed + n, err
}

func (s *Store) pruneOld(ctx context.Context, before time.Time, pause func()) (int, error) {
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
		pause()
	}
}

// pruneLists walks the owners' lists below prefix, in pages, and removes what is
// over a cap, and pointers older than before, whose event is gone already. It counts
// by what a listing says of its class, and checks only one that is about to go for
// it: nearly all stay, and the checks would be most of the work.
func (s *Store) pruneLists(ctx context.Context, prefix []byte, before time.Time, pause func()) (int, error) {
	removed := 0
	count := make(map[eventClass]int) // of owner, so far
	var after, owner []byte
	oldest := lastEventIDAt(before)
	for {
		var excess [][]byte
		seen := 0
		err := s.engine.View(ctx, func(r kv.Reader) error {
			return r.Scan(prefix, after, func(key, value []byte) error {
				if seen == maxPage || len(excess) == prunePage {
					return kv.ErrStop
				}
				seen++
				after = append(after[:0], key...)
				list, id, ok := splitOwnerKey(key)
				if !ok {
					return nil
				}
				if !bytes.Equal(list, owner) {
					owner = append(owner[:0], list...)
					clear(count)
				}
				class, most := claimedClass(value), s.caps.of(owner)
				count[class]++
				if count[class] > most {
					count[class]--
					class = s.listed(key, value) // another one if it is damaged
					count[class]++
				}
				if count[class] > most || bytes.Compare(id[:], oldest[:]) > 0 {
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
		pause()
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
