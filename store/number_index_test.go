package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-mail/latchkey/store/memkv"
)

const (
	number1 = "+8613812345678"
	number2 = "+8613912345678"
)

func bind(t testing.TB, s *Store, a *Account, number string) {
	t.Helper()
	update(t, s, func(w *Writer) error { return w.PutPhone(a.ID, Phone{Number: number, Bound: t0, BoundBy: "owner"}) })
}

// boundTo compares how many accounts have number1 and number2.
func boundTo(t testing.TB, s *Store, first, second int) {
	t.Helper()
	view(t, s, func(r *Reader) error {
		for number, want := range map[string]int{number1: first, number2: second} {
			if n, err := r.NumberAccounts(number); n != want || err != nil {
				t.Errorf("%s is bound to %d accounts, %v; want %d", number, n, err, want)
			}
		}
		return nil
	})
}

func TestNumberIndex(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	keys := countKeys(t, e)
	boundTo(t, s, 0, 0)
	bind(t, s, a, number1)
	boundTo(t, s, 1, 0)
	bind(t, s, a, number1) // again
	boundTo(t, s, 1, 0)
	bind(t, s, b, number1)
	boundTo(t, s, 2, 0)
	bind(t, s, a, number2) // changed
	boundTo(t, s, 1, 1)
	update(t, s, func(w *Writer) error { return errors.Join(w.DeletePhone(b.ID), w.DeletePhone(b.ID)) })
	boundTo(t, s, 0, 1)
	bind(t, s, b, number2)
	update(t, s, func(w *Writer) error { return w.DeleteAccount(a) })
	boundTo(t, s, 0, 1)
	update(t, s, func(w *Writer) error { return w.DeletePhone(b.ID) })
	boundTo(t, s, 0, 0)
	if got := countKeys(t, e); got != keys-1 { // a's record
		t.Errorf("%d keys; want %d: an index without accounts has no records", got, keys-1)
	}
}

// TestDamagedPhoneGoes: a phone that cannot be read is unbound, replaced and
// deleted with its account all the same, and leaves nothing in the index.
func TestDamagedPhoneGoes(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(w *Writer, a *Account) error
		second int // accounts of number2 after it
	}{
		"unbound":         {func(w *Writer, a *Account) error { return w.DeletePhone(a.ID) }, 1},
		"account deleted": {func(w *Writer, a *Account) error { return w.DeleteAccount(a) }, 1},
		"another bound":   {func(w *Writer, a *Account) error { return w.PutPhone(a.ID, Phone{Number: number2, Bound: t0}) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			e := memkv.New()
			s := openStore(t, e, Options{})
			a, b := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
			bind(t, s, a, number1)
			bind(t, s, b, number2)
			replaceValue(t, e, string(belowKey(a.ID, belowPhone, "")), []byte("damaged"))
			boundTo(t, s, 1, 1)
			update(t, s, func(w *Writer) error { return test.do(w, a) })
			boundTo(t, s, 0, test.second)
			if got, err := checkEngine(t, e, testKeys(t), unchanged); err != nil || got.Damaged != 0 {
				t.Errorf("the check finds %+v, %v", got, err)
			}
		})
	}
}

// TestDamagedNumberGoes: where the index cannot be read, phones and accounts go
// all the same; only that number cannot be bound.
func TestDamagedNumberGoes(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	var accounts []*Account
	for i := range 4 {
		accounts = append(accounts, addAccount(t, s, fmt.Sprintf("u%d@example.org", i), 0))
	}
	for _, a := range accounts[:3] {
		bind(t, s, a, number1)
	}
	replaceValue(t, e, string(s.numberKey(number1)), []byte("damaged"))
	update(t, s, func(w *Writer) error { return w.DeletePhone(accounts[0].ID) })
	update(t, s, func(w *Writer) error { return w.DeleteAccount(accounts[1]) })
	bind(t, s, accounts[2], number2)
	err := s.Update(ctx, func(w *Writer) error { return w.PutPhone(accounts[3].ID, Phone{Number: number1, Bound: t0}) })
	err2 := s.View(ctx, func(r *Reader) error { _, err := r.NumberAccounts(number1); return err })
	if !errors.Is(err, ErrDamaged) || !errors.Is(err2, ErrDamaged) {
		t.Errorf("binding a number whose accounts cannot be read: %v, counting them: %v; want ErrDamaged", err, err2)
	}
	view(t, s, func(r *Reader) error {
		if _, err := r.Phone(accounts[3].ID); !errors.Is(err, ErrNoPhone) {
			t.Errorf("a phone that is not in the index is bound: %v", err)
		}
		return nil
	})
}

func TestAccountsOfNumberCodec(t *testing.T) {
	list := []AccountID{{1}, {2}, {2, 1}, {0xff}}
	if got, err := decodeAccountIDs(appendAccountIDs(nil, list)); err != nil || fmt.Sprint(got) != fmt.Sprint(list) {
		t.Errorf("%v reads back as %v, %v", list, got, err)
	}
	for name, bad := range map[string][]byte{
		"none": nil, "cut": make([]byte, 7), "zero": make([]byte, 8), "twice": appendAccountIDs(nil, []AccountID{{1}, {1}}),
		"descending": appendAccountIDs(nil, []AccountID{{2}, {1}}), "odd": append(appendAccountIDs(nil, list), 1),
	} {
		if got, err := decodeAccountIDs(bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, %v; want ErrDamaged", name, got, err)
		}
	}
}

// TestNumberOfManyAccounts fills one number to the bound.
func TestNumberOfManyAccounts(t *testing.T) {
	s := newStore(t)
	ids := make([]AccountID, maxNumberAccounts)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:], uint32(i+1))
	}
	update(t, s, func(w *Writer) error { return w.list(w.s.numberKey(number1), ids...) })
	boundTo(t, s, maxNumberAccounts, 0)
	a := addAccount(t, s, "u@example.org", 0)
	err := s.Update(ctx, func(w *Writer) error { return w.PutPhone(a.ID, Phone{Number: number1, Bound: t0}) })
	if !errors.Is(err, ErrInvalidRecord) {
		t.Errorf("one account more: %v; want ErrInvalidRecord", err)
	}
	update(t, s, func(w *Writer) error { return w.unlist(w.s.numberKey(number1), ids[500]) })
	bind(t, s, a, number1)
	boundTo(t, s, maxNumberAccounts, 0)
}
