package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

func fullUserdb() []UserdbField {
	return []UserdbField{{"home", "/srv/%d/%n"}, {"quota_rule", "*:storage=1G"}, {"uid", "5001"}}
}

// putUserdb writes fields and the account with them.
func putUserdb(t testing.TB, s *Store, a *Account, fields []UserdbField) {
	t.Helper()
	update(t, s, func(w *Writer) error { return errors.Join(w.PutUserdb(a, fields), w.PutAccount(a)) })
}

func TestUserdb(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	before := countKeys(t, s.engine)
	want := fullUserdb()
	putUserdb(t, s, a, want)
	account, got, err := s.AccountUserdb(ctx, a.Address)
	if err != nil || !account.OwnUserdb || account.ID != a.ID || !slices.Equal(got, want) {
		t.Errorf("%+v, %+v, %v; want %+v", account, got, err, want)
	}
	update(t, s, func(w *Writer) error { return w.AddAlias(a, Alias{Name: "alias@example.org"}) })
	account, got, err = s.AccountUserdb(ctx, "alias@example.org")
	if err != nil || account.ID != a.ID || !slices.Equal(got, want) {
		t.Errorf("by an alias: %+v, %+v, %v; want %+v", account, got, err, want)
	}
	update(t, s, func(w *Writer) error { return w.DeleteAlias(a.ID, "alias@example.org") })
	if _, got, err := s.AccountUserdb(ctx, other.Address); err != nil || got != nil {
		t.Errorf("of another account: %+v, %v", got, err)
	}
	if _, _, err := s.AccountUserdb(ctx, "nobody@example.org"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("of none: %v", err)
	}
	putUserdb(t, s, a, nil)
	if account, got, err := s.AccountUserdb(ctx, a.Address); err != nil || got != nil || account.OwnUserdb || countKeys(t, s.engine) != before {
		t.Errorf("removed: %+v, %+v, %v", account, got, err)
	}
}

func TestUserdbBounds(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 0)
	many := make([]UserdbField, MaxUserdbFields+1)
	for i := range many {
		many[i] = UserdbField{fmt.Sprintf("k%02d", i), "v"}
	}
	large := slices.Clone(many[:9])
	for i := range large {
		large[i].Value = strings.Repeat("v", maxText)
	}
	for name, fields := range map[string][]UserdbField{
		"many": many, "large": large, "no key": {{"", "v"}}, "no value": {{"k", ""}}, "twice": {{"k", "v"}, {"k", "v"}},
		"not in order": {{"k", "v"}, {"a", "v"}}, "long key": {{strings.Repeat("k", MaxUserdbKey+1), "v"}},
		"long value": {{"k", strings.Repeat("v", maxText+1)}}, "line end": {{"k", "a\nb"}}, "tab in a key": {{"k\tk", "v"}}, "no UTF-8": {{"k", "\xff"}},
	} {
		if err := s.Update(ctx, func(w *Writer) error { return w.PutUserdb(a, fields) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
	}
	if err := s.Update(ctx, func(w *Writer) error { return w.PutUserdb(new(Account), fullUserdb()) }); !errors.Is(err, ErrInvalidRecord) {
		t.Errorf("no account: %v", err)
	}
	putUserdb(t, s, a, many[:MaxUserdbFields])
	putUserdb(t, s, a, large[:7])
}

// A record that is lost is damage, and never "no fields"; what a login reads does
// not need it.
func TestLostUserdb(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a := addAccount(t, s, "u@example.org", 0)
	putUserdb(t, s, a, fullUserdb())
	if err := e.Update(ctx, func(w kv.Writer) error { return w.Delete(belowKey(a.ID, belowUserdb, "")) }); err != nil {
		t.Fatal(err)
	}
	if _, fields, err := s.AccountUserdb(ctx, a.Address); !errors.Is(err, ErrDamaged) {
		t.Errorf("%+v, %v; want ErrDamaged", fields, err)
	}
	if _, err := s.Account(ctx, a.Address); err != nil {
		t.Errorf("a login: %v", err)
	}
	putUserdb(t, s, a, fullUserdb()) // mends it
	if _, fields, err := s.AccountUserdb(ctx, a.Address); err != nil || len(fields) != 3 {
		t.Errorf("put right again: %+v, %v", fields, err)
	}
}
