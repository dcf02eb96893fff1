package store

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"github.com/latchkey-mail/latchkey/store/memkv"
)

// TestReadOnly: an older database is read as it is, and nothing is written.
func TestReadOnly(t *testing.T) {
	e := filled(t, manyAccounts(t, 10))
	asVersion1(t, e)
	before := contents(t, e)
	s, err := Open(ctx, e, testKeys(t), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	view(t, s, func(r *Reader) error {
		list, err := r.Accounts("", 100)
		if len(list) != 10 {
			t.Errorf("%d accounts", len(list))
		}
		return err
	})
	if err := s.Update(ctx, func(w *Writer) error { return w.PutEnforcementReached(t0) }); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Update: %v", err)
	}
	if !maps.Equal(contents(t, e), before) {
		t.Error("the database changed")
	}
	if _, err := Open(ctx, memkv.New(), testKeys(t), Options{ReadOnly: true}); !errors.Is(err, ErrDamaged) {
		t.Errorf("an empty one: %v", err)
	}
	if err := s.Snapshot(ctx, new(bytes.Buffer)); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("a copy of an engine that makes none: %v", err)
	}
}

// TestKeyID names the key without having it.
func TestKeyID(t *testing.T) {
	all := contents(t, filled(t, manyAccounts(t, 3)))
	walk := func(record func(key, value []byte)) {
		for key, value := range all {
			record([]byte(key), []byte(value))
		}
	}
	if got := KeyID(walk); got != testKeys(t).Generation() {
		t.Errorf("%q", got)
	}
	if got := KeyID(func(func(key, value []byte)) {}); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	checked, err := CheckRecords(testKeys(t), walk)
	if err != nil || checked.Damaged != 0 || checked.Records[RecordAccount] != 3 {
		t.Errorf("%+v, %v", checked, err)
	}
	for key := range all {
		if kindOf([]byte(key)) == RecordNumberListing {
			delete(all, key)
		}
	}
	if checked, err := CheckRecords(testKeys(t), walk); err != nil || checked.Damaged != 0 {
		t.Errorf("the index is not its business: %+v, %v", checked, err)
	}
	if checked, err := Check(testKeys(t), walk); err != nil || checked.Damaged == 0 {
		t.Errorf("but it is Check's: %+v, %v", checked, err)
	}
}
