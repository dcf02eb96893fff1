package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// BudgetKind is what a budget bounds: how many text messages may be sent for a
// subject, or secrets tried by explain, in a window of time.
type BudgetKind uint8

// The kinds of budgets. Their values are on disk.
const (
	BudgetNumberDay   BudgetKind = 1 // to a number, in a day
	BudgetAccountDay  BudgetKind = 2 // for an account, in a day
	BudgetSourceHour  BudgetKind = 3 // asked from a network, in an hour
	BudgetSignInHour  BudgetKind = 4 // to bound numbers, of the whole site, in an hour
	BudgetBindingHour BudgetKind = 5 // to numbers that accounts name, of the whole site, in an hour

	BudgetRehearsalMinute BudgetKind = 6 // secrets that an administrator tries, by account and by who tries, in a minute
)

const budgetLen = 4 // of a count

func budgetKey(kind BudgetKind, subject [16]byte, window time.Time) []byte {
	key := append(budgetPrefix(window), byte(kind))
	return append(key, subject[:]...)
}

// budgetPrefix orders budgets by their window, so that old ones are found first.
func budgetPrefix(window time.Time) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyBudget}, uint64(max(window.Unix(), 0)))
}

func decodeBudget(payload []byte) (int, error) {
	if len(payload) != budgetLen || binary.BigEndian.Uint32(payload) == 0 {
		return 0, fmt.Errorf("%w: budget", ErrDamaged)
	}
	return int(binary.BigEndian.Uint32(payload)), nil
}

// spent returns how much of a budget is gone.
func (w *Writer) spent(key []byte) (int, error) {
	payload, err := w.payload(key, kv.ErrNotFound)
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return decodeBudget(payload)
}

func (w *Writer) putSpent(key []byte, n int) error {
	value := binary.BigEndian.AppendUint32(make([]byte, headerLen), uint32(n))
	return w.kv.Put(key, w.s.seal(key, value))
}

// Spend takes one from the subject's budget of limit for the window that begins
// then. It reports false if nothing is left, and writes nothing. A budget that
// cannot be read is ErrDamaged, until its window is over.
func (w *Writer) Spend(kind BudgetKind, subject [16]byte, window time.Time, limit int) (bool, error) {
	if kind < BudgetNumberDay || kind > BudgetRehearsalMinute {
		return false, fmt.Errorf("%w: kind of budget", ErrInvalidRecord)
	}
	key := budgetKey(kind, subject, window)
	n, err := w.spent(key)
	if err != nil || n >= limit {
		return false, err
	}
	return true, w.putSpent(key, n+1)
}

// Refund gives back what one Spend took. A budget that is whole stays so.
func (w *Writer) Refund(kind BudgetKind, subject [16]byte, window time.Time) error {
	key := budgetKey(kind, subject, window)
	n, err := w.spent(key)
	switch {
	case err != nil || n == 0:
		return err
	case n == 1:
		return w.kv.Delete(key)
	}
	return w.putSpent(key, n-1)
}

// PruneBudgets removes the budgets of windows that began before the given time,
// damaged ones too. It works in pages, so that nothing waits long behind it, and
// returns how many budgets it removed.
func (s *Store) PruneBudgets(ctx context.Context, before time.Time) (int, error) {
	removed, end := 0, budgetPrefix(before)
	for {
		var old [][]byte
		err := s.engine.View(ctx, func(r kv.Reader) error {
			old = old[:0]
			return r.Scan([]byte{keyBudget}, nil, func(key, _ []byte) error {
				if len(old) == prunePage || bytes.Compare(key, end) >= 0 {
					return kv.ErrStop
				}
				old = append(old, bytes.Clone(key))
				return nil
			})
		})
		if err != nil || len(old) == 0 {
			return removed, err
		}
		if err := s.Update(ctx, func(w *Writer) error { return w.deleteKeys(old) }); err != nil {
			return removed, err
		}
		removed += len(old)
	}
}
