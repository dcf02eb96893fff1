package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func TestOpenMakesAndKeepsSchema(t *testing.T) {
	e := memkv.New()
	openStore(t, e, Options{})
	if n := countKeys(t, e); n != 2 {
		t.Errorf("a new store holds %d keys, not 2", n)
	}
	if _, err := Open(ctx, e, testKeys(t), Options{}); err != nil {
		t.Errorf("opening it again: %v", err)
	}
}

func TestWrongKey(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	addAccount(t, s, "u@example.org", 1)
	before := countKeys(t, e)
	other, err := secret.NewKeys([32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, e, other, Options{}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("Open with another key = %v; want ErrWrongKey", err)
	}
	if countKeys(t, e) != before {
		t.Error("a refused Open changed the database")
	}
}

func TestSchemaRecords(t *testing.T) {
	keys := testKeys(t)
	s := &Store{keys: keys}
	version := func(v uint16) []byte {
		return s.seal(schemaKey(), binary.BigEndian.AppendUint16(make([]byte, headerLen), v))
	}
	for name, test := range map[string]struct {
		change func(w kv.Writer) error
		want   error
	}{
		"newer":               {func(w kv.Writer) error { return w.Put(schemaKey(), version(schemaVersion+1)) }, ErrNewerSchema},
		"version zero":        {func(w kv.Writer) error { return w.Put(schemaKey(), version(0)) }, ErrDamaged},
		"no version":          {func(w kv.Writer) error { return w.Delete(schemaKey()) }, ErrDamaged},
		"damaged version":     {func(w kv.Writer) error { return w.Put(schemaKey(), make([]byte, 22)) }, ErrDamaged},
		"short version":       {func(w kv.Writer) error { return w.Put(schemaKey(), s.seal(schemaKey(), make([]byte, 21))) }, ErrDamaged},
		"no generation":       {func(w kv.Writer) error { return w.Delete(generationKey()) }, ErrDamaged},
		"damaged generation":  {func(w kv.Writer) error { return w.Put(generationKey(), make([]byte, 23)) }, ErrDamaged},
		"generation, flipped": {func(w kv.Writer) error { return flip(w, generationKey(), headerLen) }, ErrDamaged},
		"generation's header": {func(w kv.Writer) error { return flip(w, generationKey(), 0) }, ErrDamaged},
		"generation's MAC":    {func(w kv.Writer) error { return flip(w, generationKey(), 5) }, ErrDamaged},
		"nothing":             {func(kv.Writer) error { return nil }, nil},
	} {
		e := memkv.New()
		openStore(t, e, Options{})
		if err := e.Update(ctx, test.change); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(ctx, e, keys, Options{MigrateOK: true}); !errors.Is(err, test.want) {
			t.Errorf("%s: Open = %v; want %v", name, err, test.want)
		}
	}
}

func flip(w kv.Writer, key []byte, at int) error {
	value, err := w.Get(key)
	if err != nil {
		return err
	}
	value = bytes.Clone(value)
	value[at] ^= 1
	return w.Put(key, value)
}

func TestCheckVersion(t *testing.T) {
	for _, test := range []struct {
		found, wanted int
		migrateOK     bool
		want          error
	}{
		{1, 1, false, nil}, {2, 3, true, nil}, {2, 3, false, ErrNeedsMigration},
		{4, 3, true, ErrNewerSchema}, {0, 3, true, ErrDamaged},
	} {
		if err := checkVersion(test.found, test.wanted, test.migrateOK); !errors.Is(err, test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
