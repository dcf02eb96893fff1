package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

// alias gives the account another name.
func alias(t testing.TB, s *Store, a *Account, name string) {
	t.Helper()
	update(t, s, func(w *Writer) error {
		return errors.Join(w.AddAlias(a, Alias{Name: name, Made: t0, By: "root"}), w.PutAccount(a))
	})
}

func addAlias(s *Store, a *Account, name string) error {
	return s.Update(ctx, func(w *Writer) error { return w.AddAlias(a, Alias{Name: name, Made: t0}) })
}

func TestAlias(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b := addAccount(t, s, "u@example.org", 1), addAccount(t, s, "v@example.org", 0)
	keys := countKeys(t, e)
	alias(t, s, a, "b@example.org")
	alias(t, s, a, "a@example.net")
	for _, name := range []string{"u@example.org", "b@example.org", "a@example.net"} {
		if got, err := s.Account(ctx, name); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("Account(%s) = %+v, %v", name, got, err)
		}
	}
	view(t, s, func(r *Reader) error {
		list, err := r.Aliases(a.ID)
		if want := []Alias{{"a@example.net", t0, "root"}, {"b@example.org", t0, "root"}}; err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("Aliases = %+v, %v", list, err)
		}
		if _, err := r.Account("b@example.org"); !errors.Is(err, ErrNoAccount) {
			t.Errorf("Reader.Account follows an alias: %v", err)
		}
		if got, err := r.Named("b@example.org"); err != nil || got.Address != "u@example.org" {
			t.Errorf("Named = %+v, %v", got, err)
		}
		return nil
	})
	for name, want := range map[string]error{
		"u@example.org": ErrAccountExists, "v@example.org": ErrAccountExists, "b@example.org": ErrAliasExists,
		"": ErrInvalidRecord, "x\x00y": ErrInvalidRecord, "\xff@example.org": ErrInvalidRecord,
	} {
		if err := addAlias(s, b, name); !errors.Is(err, want) {
			t.Errorf("AddAlias(%q) = %v; want %v", name, err, want)
		}
	}
	err := s.Update(ctx, func(w *Writer) error { _, err := w.CreateAccount("b@example.org", ""); return err })
	if !errors.Is(err, ErrAliasExists) {
		t.Errorf("an account with an alias's name: %v; want ErrAliasExists", err)
	}
	err = s.Update(ctx, func(w *Writer) error { return w.DeleteAlias(b.ID, "b@example.org") })
	if !errors.Is(err, ErrNoAlias) {
		t.Errorf("taking another account's alias: %v; want ErrNoAlias", err)
	}
	update(t, s, func(w *Writer) error { return w.DeleteAlias(a.ID, "b@example.org") })
	if _, err := s.Account(ctx, "b@example.org"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("an alias that was taken away: %v", err)
	}
	update(t, s, func(w *Writer) error { return w.DeleteAlias(a.ID, "a@example.net") })
	if got := countKeys(t, e); got != keys {
		t.Errorf("%d keys; want %d: an alias that is gone leaves nothing", got, keys)
	}
}

func TestAliasesAreBounded(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 0)
	for i := range MaxAliases {
		alias(t, s, a, fmt.Sprintf("a%d@example.org", i))
	}
	if err := addAlias(s, a, "more@example.org"); !errors.Is(err, ErrInvalidRecord) {
		t.Errorf("one more than %d: %v", MaxAliases, err)
	}
}

// TestDeletedAccountTakesItsAliases: neither an account made later under the
// address nor anybody else inherits them.
func TestDeletedAccountTakesItsAliases(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	b := addAccount(t, s, "v@example.org", 0)
	alias(t, s, b, "theirs@example.org")
	keys := countKeys(t, e)
	a := addAccount(t, s, "u@example.org", 0)
	alias(t, s, a, "one@example.org")
	alias(t, s, a, "two@example.org")
	replaceValue(t, e, string(appendAliasKey(nil, "two@example.org")), []byte("damaged"))
	replaceValue(t, e, string(belowKey(a.ID, belowAlias, "theirs@example.org")), []byte("damaged")) // as if a key were
	update(t, s, func(w *Writer) error { return w.DeleteAccount(a) })
	if got := countKeys(t, e); got != keys {
		t.Errorf("%d keys; want %d", got, keys)
	}
	addAccount(t, s, "u@example.org", 0)
	for _, name := range []string{"one@example.org", "two@example.org"} {
		if got, err := s.Account(ctx, name); !errors.Is(err, ErrNoAccount) {
			t.Errorf("Account(%s) = %+v, %v", name, got, err)
		}
	}
	if got, err := s.Account(ctx, "theirs@example.org"); err != nil || got.ID != b.ID {
		t.Errorf("another account's alias: %+v, %v", got, err)
	}
}

// TestAliasOfAnAccountThatIsGone puts an alias behind its account's back: it
// opens nothing, and is in nobody's way.
func TestAliasOfAnAccountThatIsGone(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	addAccount(t, s, "u@example.org", 0)
	b := addAccount(t, s, "v@example.org", 0)
	orphan := func(name string) {
		key := appendAliasKey(nil, name)
		replaceValue(t, e, string(key), s.seal(key, appendAliasOf(make([]byte, headerLen), aliasOf{AccountID{1}, "u@example.org"})))
	}
	for _, name := range []string{"x@example.org", "y@example.org"} {
		orphan(name)
		if got, err := s.Account(ctx, name); !errors.Is(err, ErrNoAccount) {
			t.Errorf("Account(%s) = %+v, %v; want ErrNoAccount", name, got, err)
		}
	}
	alias(t, s, b, "x@example.org")
	if got, err := s.Account(ctx, "x@example.org"); err != nil || got.ID != b.ID {
		t.Errorf("given to another: %+v, %v", got, err)
	}
	addAccount(t, s, "y@example.org", 0)
	if got, err := checkEngine(t, e, testKeys(t), unchanged); err != nil || got.Damaged != 0 {
		t.Errorf("the check finds %+v, %v", got, err)
	}
	orphan("y@example.org")
	if got, err := s.Account(ctx, "y@example.org"); err != nil || got.Address != "y@example.org" {
		t.Errorf("an account beside an alias of its name: %+v, %v", got, err)
	}
}

// readCounter counts what lookups read.
type readCounter struct {
	kv.Engine
	gets, neighbours int
}

func (c *readCounter) View(ctx context.Context, fn func(kv.Reader) error) error {
	return c.Engine.View(ctx, func(r kv.Reader) error { return fn(countingReader{r, c}) })
}

type countingReader struct {
	kv.Reader
	c *readCounter
}

func (r countingReader) Get(key []byte) ([]byte, error) { r.c.gets++; return r.Reader.Get(key) }

func (r countingReader) Neighbours(key []byte, fn func(key, value []byte) error) error {
	r.c.neighbours++
	return r.Reader.(kv.Neighbourer).Neighbours(key, fn)
}

// TestAliasesCostAddressesNothing: an address is one read as before.
func TestAliasesCostAddressesNothing(t *testing.T) {
	c := &readCounter{Engine: memkv.New()}
	s := openStore(t, c, Options{})
	a := addAccount(t, s, "u@example.org", 0)
	alias(t, s, a, "a@example.org")
	for name, want := range map[string][2]int{"u@example.org": {1, 0}, "a@example.org": {3, 0}, "nobody@example.org": {2, 2}} {
		c.gets, c.neighbours = 0, 0
		_, _ = s.Account(ctx, name)
		if got := [2]int{c.gets, c.neighbours}; got != want {
			t.Errorf("%s: %d reads and %d looks at neighbours; want %v", name, got[0], got[1], want)
		}
	}
}

// TestDamagedAlias: "could not tell", never "no such account", where the alias
// was, whichever of its bytes is damaged, its key's too; and nobody else suffers.
func TestDamagedAlias(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	alias(t, s, a, "mm@example.org")
	alias(t, s, b, "zz@example.org")
	all := contents(t, e)
	key := string(appendAliasKey(nil, "mm@example.org"))
	for i := range key {
		for _, flip := range []byte{1, 4, 0x80} {
			bad := []byte(key)
			bad[i] ^= flip
			if bad[0] > keyAccount { // memkv sorts it; in a file it stays where it was
				continue
			}
			damaged := map[string]string{}
			for k, v := range all {
				damaged[k] = v
			}
			delete(damaged, key)
			damaged[string(bad)] = all[key]
			s := openStore(t, filled(t, damaged), Options{})
			if got, err := s.Account(ctx, "mm@example.org"); !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d of the key ^ %#x: %+v, %v; want ErrDamaged", i, flip, got, err)
			}
			for _, other := range []string{"u@example.org", "zz@example.org"} {
				if _, err := s.Account(ctx, other); err != nil {
					t.Errorf("byte %d of the key ^ %#x: Account(%s): %v", i, flip, other, err)
				}
			}
		}
	}
	err := s.Update(ctx, func(w *Writer) error { return w.DeleteAlias(a.ID, "mm@example.org") })
	if err != nil {
		t.Fatal(err)
	}
}

func TestAliasCodec(t *testing.T) {
	of := aliasOf{AccountID{1, 2}, "u@example.org"}
	if got, err := decodeAliasOf(appendAliasOf(nil, of)); err != nil || got != of {
		t.Errorf("%+v reads back as %+v, %v", of, got, err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "no address": make([]byte, 8), "no id": append(make([]byte, 8), "u@example.org"...), "NUL": []byte("12345678u\x00"),
		"too long": make([]byte, 8+maxAddress+1),
	} {
		if got, err := decodeAliasOf(bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %+v, %v; want ErrDamaged", name, got, err)
		}
	}
}

// TestCheckComparesAliases takes an alias and what its account lists out of their
// pair.
func TestCheckComparesAliases(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a := addAccount(t, s, "u@example.org", 0)
	alias(t, s, a, "a@example.org")
	own, listing := string(appendAliasKey(nil, "a@example.org")), string(belowKey(a.ID, belowAlias, "a@example.org"))
	for name, test := range map[string]struct {
		change map[string][]byte // nil: left out
		want   []DamagedRecord
	}{
		"both there":      {nil, []DamagedRecord{}},
		"neither":         {map[string][]byte{own: nil, listing: nil}, []DamagedRecord{}},
		"no alias":        {map[string][]byte{own: nil}, []DamagedRecord{{Kind: RecordAlias, AccountID: a.ID, Address: "a@example.org", Missing: true}}},
		"not listed":      {map[string][]byte{listing: nil}, []DamagedRecord{{Kind: RecordAliasListing, AccountID: a.ID, Address: "a@example.org", Missing: true}}},
		"damaged alias":   {map[string][]byte{own: []byte("x")}, []DamagedRecord{{Kind: RecordAlias, Address: "a@example.org"}}},
		"damaged listing": {map[string][]byte{listing: []byte("x")}, []DamagedRecord{{Kind: RecordAliasListing, AccountID: a.ID, Address: "a@example.org"}}},
	} {
		all := contents(t, e)
		for key, value := range test.change {
			if delete(all, key); value != nil {
				all[key] = string(value)
			}
		}
		got, err := checkEngine(t, filled(t, all), testKeys(t), unchanged)
		if err != nil || !reflect.DeepEqual(got.List, test.want) || got.Damaged != len(test.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, test.want)
		}
	}
}
