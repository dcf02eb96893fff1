package store

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/memkv"
)

// spend takes one from a budget and compares with what is wanted.
func spend(t *testing.T, s *Store, kind BudgetKind, subject byte, window time.Time, limit int, want bool) {
	t.Helper()
	update(t, s, func(w *Writer) error {
		got, err := w.Spend(kind, [16]byte{subject}, window, limit)
		if got != want {
			t.Errorf("Spend(%d, %d, %v, %d) = %v", kind, subject, window, limit, got)
		}
		return err
	})
}

func TestSpendAndRefund(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	keys := countKeys(t, e)
	spend(t, s, BudgetNumberDay, 1, t0, 0, false)
	spend(t, s, BudgetNumberDay, 1, t0, -1, false)
	if countKeys(t, e) != keys {
		t.Error("a Spend that was refused wrote something")
	}
	for range 2 {
		spend(t, s, BudgetNumberDay, 1, t0, 2, true)
	}
	spend(t, s, BudgetNumberDay, 1, t0, 2, false)
	spend(t, s, BudgetNumberDay, 1, t0, 1, false) // the limit was lowered
	spend(t, s, BudgetNumberDay, 1, t0, 3, true)  // and raised
	spend(t, s, BudgetNumberDay, 1, t0, 3, false)
	for kind := BudgetAccountDay; kind <= BudgetRehearsalMinute; kind++ { // each has its own
		spend(t, s, kind, 1, t0, 1, true)
	}
	spend(t, s, BudgetNumberDay, 2, t0, 1, true)
	spend(t, s, BudgetNumberDay, 1, t0.Add(24*time.Hour), 1, true)

	refund := func() {
		t.Helper()
		update(t, s, func(w *Writer) error { return w.Refund(BudgetNumberDay, [16]byte{1}, t0) })
	}
	refund()
	spend(t, s, BudgetNumberDay, 1, t0, 3, true)
	spend(t, s, BudgetNumberDay, 1, t0, 3, false)
	before := countKeys(t, e)
	for range 5 { // more than was spent
		refund()
	}
	if got := countKeys(t, e); got != before-1 {
		t.Errorf("%d keys; want %d: a budget that is whole needs no record", got, before-1)
	}
	spend(t, s, BudgetNumberDay, 1, t0, 1, true)
	spend(t, s, BudgetNumberDay, 1, t0, 1, false)
	for _, kind := range []BudgetKind{0, BudgetRehearsalMinute + 1} {
		err := s.Update(ctx, func(w *Writer) error { _, err := w.Spend(kind, [16]byte{}, t0, 1); return err })
		if !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("kind %d: %v; want ErrInvalidRecord", kind, err)
		}
	}
}

// TestDamagedBudget: a count that cannot be read is neither none nor all.
func TestDamagedBudget(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	key := budgetKey(BudgetNumberDay, [16]byte{1}, t0)
	count := func(n uint32) []byte {
		return s.seal(key, binary.BigEndian.AppendUint32(make([]byte, headerLen), n))
	}
	for name, value := range map[string][]byte{"damaged": []byte("damaged"), "none": count(0), "short": s.seal(key, make([]byte, headerLen+3))} {
		replaceValue(t, e, string(key), value)
		for what, do := range map[string]func(w *Writer) error{
			"Spend":  func(w *Writer) error { _, err := w.Spend(BudgetNumberDay, [16]byte{1}, t0, 5); return err },
			"Refund": func(w *Writer) error { return w.Refund(BudgetNumberDay, [16]byte{1}, t0) },
		} {
			if err := s.Update(ctx, do); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %s = %v; want ErrDamaged", name, what, err)
			}
		}
	}
	spend(t, s, BudgetNumberDay, 2, t0, 1, true)
	if n, err := s.PruneBudgets(ctx, t0.Add(time.Second)); n != 2 || err != nil {
		t.Errorf("PruneBudgets = %d, %v; want the damaged one, too", n, err)
	}
}

func TestPruneBudgets(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	keys := countKeys(t, e)
	update(t, s, func(w *Writer) error {
		for i := range 600 { // more than two pages
			subject := [16]byte{byte(i >> 8), byte(i)}
			window := t0.Add(time.Duration(i/100) * time.Hour)
			if ok, err := w.Spend(BudgetNumberDay+BudgetKind(i%5), subject, window, 1); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		_, err := w.Spend(BudgetNumberDay, [16]byte{}, time.Unix(-5, 0), 1) // a clock far off
		return err
	})
	for _, test := range []struct {
		before time.Time
		want   int
	}{
		{time.Unix(0, 0), 0}, {t0, 1}, {t0.Add(5 * time.Hour), 500}, {t0.Add(5 * time.Hour), 0}, {t0.Add(5*time.Hour + time.Second), 100},
	} {
		if n, err := s.PruneBudgets(ctx, test.before); n != test.want || err != nil {
			t.Errorf("PruneBudgets(%v) = %d, %v; want %d", test.before, n, err, test.want)
		}
	}
	if got := countKeys(t, e); got != keys {
		t.Errorf("%d keys are left, not %d", got, keys)
	}
}
