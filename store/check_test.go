package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// checkEngine runs Check on an engine's keys; change may replace a value or, with
// nil, leave the record out.
func checkEngine(t *testing.T, e kv.Engine, keys *secret.Keys, change func(key, value []byte) []byte) (*Checked, error) {
	t.Helper()
	return Check(keys, func(record func(key, value []byte)) {
		err := e.View(ctx, func(r kv.Reader) error {
			return r.Scan(nil, nil, func(key, value []byte) error {
				if value = change(key, bytes.Clone(value)); value != nil {
					record(key, value)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func unchanged(_, value []byte) []byte { return value }

func TestCheckCountsEveryKind(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	fullAccount(t, s, "u@example.org")
	fullAccount(t, s, "v@example.org")
	update(t, s, func(w *Writer) error {
		_, err := w.Spend(BudgetNumberDay, [16]byte{1}, t0, 1)
		return errors.Join(err, w.PutEvent(Event{Kind: EventLogin}), // of an unknown name
			w.PutEnforcementReached(t0))
	})
	got, err := checkEngine(t, e, testKeys(t), unchanged)
	want := map[RecordKind]int{RecordAccount: 2, RecordAppPassword: 2, RecordPhone: 2, RecordException: 2,
		RecordLastUse: 2, RecordSession: 2, RecordDevice: 2, RecordChallenge: 2, RecordCodeState: 2, RecordRecoveryCodes: 2,
		RecordHelpdeskCode: 2, RecordExpectedPhone: 2, RecordUserdb: 2, RecordSCRAMKeys: 2, RecordAlias: 2, RecordAliasListing: 2, RecordEvent: 3,
		RecordEventListing: 4, RecordNumberListing: 1,
		RecordBudget: 1, RecordSchema: 3}
	if err != nil || got.Damaged != 0 || !reflect.DeepEqual(got.Records, want) {
		t.Errorf("%+v, %v; want %v", got, err, want)
	}
	for _, kind := range RecordKinds() {
		if kind != RecordUnknown && want[kind] == 0 {
			t.Errorf("no %s was checked", kind)
		}
	}
}

// TestCheckNamesEveryDamagedRecord flips the last byte of each record in turn.
func TestCheckNamesEveryDamagedRecord(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a := fullAccount(t, s, "u@example.org")
	update(t, s, func(w *Writer) error {
		_, err := w.Spend(BudgetNumberDay, [16]byte{1}, t0, 1)
		return errors.Join(err, w.PutEnforcementReached(t0))
	})
	var keys [][]byte
	if _, err := checkEngine(t, e, testKeys(t), func(key, value []byte) []byte {
		keys = append(keys, bytes.Clone(key))
		return value
	}); err != nil {
		t.Fatal(err)
	}
	named := map[RecordKind]DamagedRecord{}
	for _, bad := range keys {
		got, err := checkEngine(t, e, testKeys(t), func(key, value []byte) []byte {
			if bytes.Equal(key, bad) {
				value[len(value)-1] ^= 1
			}
			return value
		})
		if err != nil || got.Damaged != 1 || len(got.List) != 1 {
			t.Errorf("key %q: %+v, %v", bad, got, err)
			continue
		}
		named[got.List[0].Kind] = got.List[0]
		if _, err := json.Marshal(got.List[0]); err != nil {
			t.Error(err)
		}
	}
	id := a.AppPasswords[0].ID.String()
	for _, want := range []DamagedRecord{
		{Kind: RecordAccount, Address: "u@example.org"},
		{Kind: RecordAlias, Address: fullAlias(a).Name},
		{Kind: RecordAliasListing, AccountID: a.ID, Address: fullAlias(a).Name},
		{Kind: RecordAppPassword, AccountID: a.ID, ID: id},
		{Kind: RecordPhone, AccountID: a.ID},
		{Kind: RecordException, AccountID: a.ID},
		{Kind: RecordLastUse, AccountID: a.ID},
		{Kind: RecordSession, AccountID: a.ID, ID: SessionID{1}.String()},
		{Kind: RecordDevice, AccountID: a.ID, ID: DeviceID{1}.String()},
		{Kind: RecordChallenge, AccountID: a.ID, ID: SessionID{1}.String()},
		{Kind: RecordCodeState, AccountID: a.ID},
		{Kind: RecordRecoveryCodes, AccountID: a.ID},
		{Kind: RecordHelpdeskCode, AccountID: a.ID},
		{Kind: RecordExpectedPhone, AccountID: a.ID},
		{Kind: RecordUserdb, AccountID: a.ID},
		{Kind: RecordSCRAMKeys, AccountID: a.ID},
		{Kind: RecordNumberListing},
		{Kind: RecordBudget, Time: t0},
	} {
		if got := named[want.Kind]; got != want {
			t.Errorf("%+v; want %+v", got, want)
		}
	}
	for _, kind := range []RecordKind{RecordEvent, RecordEventListing} {
		if got := named[kind]; !got.Time.Equal(t0) || len(got.ID) != 32 {
			t.Errorf("%+v; want an id, and the time %v", got, t0)
		}
	}
}

// TestCheckDamagedKeys flips each byte of each key: the record is damaged, and if
// its key could be bytes of a value, nothing of it is shown.
func TestCheckDamagedKeys(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	fullAccount(t, s, "u@example.org")
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			for i := range key {
				bad := bytes.Clone(key)
				bad[i] ^= 0x80
				got, err := Check(testKeys(t), func(record func(key, value []byte)) { record(bad, value) })
				if err != nil || got.Damaged != 3 { // with the two records of the schema, which are missing
					t.Errorf("key %q: %+v, %v", bad, got, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	below := string(belowPrefix(AccountID{1}))
	for _, key := range []string{"", "a", "a\x01\x00$argon2id$", "a\xff", "b", "bshort", "e", "o", "n", "nshort", "q", "qshort", "zzz",
		"mother", below, below + "?", below + "s", below + "sshort", below + "d123456789", below + "c12345678", below + "kx", below + "u", below + "l", below + "l\xff", "A", "A\xff"} {
		got, err := Check(testKeys(t), func(record func(key, value []byte)) { record([]byte(key), nil) })
		if err != nil || got.List[0] != (DamagedRecord{Kind: RecordUnknown}) {
			t.Errorf("key %q: %+v, %v", key, got, err)
		}
	}
}

func TestCheckSchemaRecords(t *testing.T) {
	e := memkv.New()
	openStore(t, e, Options{})
	other, err := secret.NewKeys([32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkEngine(t, e, other, unchanged); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another key: %v; want ErrWrongKey", err)
	}
	got, err := checkEngine(t, e, testKeys(t), func(_, _ []byte) []byte { return nil })
	if err != nil || got.Damaged != 2 || !got.List[0].Missing || !got.List[1].Missing {
		t.Errorf("an empty database: %+v, %v", got, err)
	}
	newer := (&Store{keys: testKeys(t)}).seal(schemaKey(), append(make([]byte, headerLen), 0, schemaVersion+1))
	_, err = checkEngine(t, e, testKeys(t), func(key, value []byte) []byte {
		if bytes.Equal(key, schemaKey()) {
			return newer
		}
		return value
	})
	if !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer schema: %v; want ErrNewerSchema", err)
	}
}

// TestCheckListIsBounded: a thousand names, and the number of all.
func TestCheckListIsBounded(t *testing.T) {
	got, err := Check(testKeys(t), func(record func(key, value []byte)) {
		for range 5000 {
			record([]byte("ax"), nil)
		}
	})
	if err != nil || got.Damaged != 5002 || len(got.List) != 1000 {
		t.Errorf("%d damaged, %d named, %v", got.Damaged, len(got.List), err)
	}
}

// TestCheckComparesNumbers takes a phone, and what the index says, out of their
// pair: each is named by its account, and nothing else is.
func TestCheckComparesNumbers(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	bind(t, s, a, number1)
	bind(t, s, b, number2)
	phone, listing := string(belowKey(a.ID, belowPhone, "")), string(s.numberKey(number1))
	other := s.seal(s.numberKey(number1), appendAccountIDs(make([]byte, headerLen), []AccountID{b.ID}))
	missing := DamagedRecord{Kind: RecordNumberListing, AccountID: a.ID, Missing: true}
	stale := DamagedRecord{Kind: RecordNumberListing, AccountID: a.ID, Stale: true}
	for name, test := range map[string]struct {
		change map[string][]byte // nil: left out
		want   []DamagedRecord
	}{
		"both there":       {nil, []DamagedRecord{}},
		"no phone":         {map[string][]byte{phone: nil}, []DamagedRecord{stale}},
		"not listed":       {map[string][]byte{listing: nil}, []DamagedRecord{missing}},
		"neither":          {map[string][]byte{listing: nil, phone: nil}, []DamagedRecord{}},
		"another account":  {map[string][]byte{listing: other}, []DamagedRecord{missing, {Kind: RecordNumberListing, AccountID: b.ID, Stale: true}}},
		"damaged phone":    {map[string][]byte{phone: []byte("x")}, []DamagedRecord{{Kind: RecordPhone, AccountID: a.ID}}},
		"damaged listing":  {map[string][]byte{listing: []byte("x")}, []DamagedRecord{{Kind: RecordNumberListing}}},
		"half migrated":    {map[string][]byte{listing: nil, string(migrationKey()): s.seal(migrationKey(), migration{from: 1}.payload())}, []DamagedRecord{}},
		"damaged progress": {map[string][]byte{listing: nil, string(migrationKey()): []byte("x")}, []DamagedRecord{{Kind: RecordSchema, ID: "migration"}}},
	} {
		all := contents(t, e)
		for key, value := range test.change {
			if delete(all, key); value != nil {
				all[key] = string(value)
			}
		}
		got, err := checkEngine(t, filled(t, all), testKeys(t), unchanged)
		byAccount := func(x, y DamagedRecord) int { return compareIDs(x.AccountID, y.AccountID) }
		slices.SortFunc(test.want, byAccount)
		if err != nil || !reflect.DeepEqual(got.List, test.want) || got.Damaged != len(test.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, test.want)
		}
	}
}
