package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

// errStopped is a crash.
var errStopped = errors.New("stopped here")

// stopping is an engine that stops after some Updates: before the next one, or
// once it is on disk and nobody was told.
type stopping struct {
	kv.Engine
	left   int
	onDisk bool
}

func (e *stopping) Update(ctx context.Context, fn func(kv.Writer) error) error {
	if e.left--; e.left >= 0 {
		return e.Engine.Update(ctx, fn)
	}
	if e.onDisk {
		if err := e.Engine.Update(ctx, fn); err != nil {
			return err
		}
	}
	return errStopped
}

// asVersion1 makes what version 1 would have left: no index, its own version.
func asVersion1(t testing.TB, e kv.Engine) {
	t.Helper()
	s := &Store{keys: testKeys(t)}
	err := e.Update(ctx, func(w kv.Writer) error {
		keys, err := (&Writer{Reader: Reader{s: s, kv: w}, kv: w}).keys([]byte{keyNumber})
		for _, key := range keys {
			err = errors.Join(err, w.Delete(key))
		}
		version := binary.BigEndian.AppendUint16(make([]byte, headerLen), 1)
		return errors.Join(err, w.Put(schemaKey(), s.seal(schemaKey(), version)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// contents returns all keys and values.
func contents(t testing.TB, e kv.Engine) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			all[string(key)] = string(value)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// filled returns an engine of these contents.
func filled(t testing.TB, to map[string]string) *memkv.Engine {
	t.Helper()
	e := memkv.New()
	err := e.Update(ctx, func(w kv.Writer) error {
		for key, value := range to {
			if err := w.Put([]byte(key), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// manyAccounts makes accounts of which two in three have a phone, of few numbers,
// and returns what version 2 holds of them.
func manyAccounts(t testing.TB, n int) map[string]string {
	t.Helper()
	e := memkv.New()
	s := openStore(t, e, Options{})
	update(t, s, func(w *Writer) error {
		for i := range n {
			a, err := w.CreateAccount(fmt.Sprintf("u%04d@example.org", i), "")
			if err != nil {
				return err
			}
			err = w.PutAppPassword(a.ID, AppPassword{ID: AppPasswordID{1}, State: Live, Made: t0})
			if i%3 != 0 {
				err = errors.Join(err, w.PutPhone(a.ID, Phone{Number: fmt.Sprintf("+86138%08d", i%700), Bound: t0}))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return contents(t, e)
}

// TestMigration brings 2,500 accounts to version 2 in one go.
func TestMigration(t *testing.T) {
	want := manyAccounts(t, 2500)
	e := filled(t, want)
	asVersion1(t, e)
	old := contents(t, e)
	if _, err := Open(ctx, e, testKeys(t), Options{}); !errors.Is(err, ErrNeedsMigration) {
		t.Errorf("without MigrateOK: %v; want ErrNeedsMigration", err)
	}
	if got, err := checkEngine(t, e, testKeys(t), unchanged); err != nil || got.Damaged != 0 {
		t.Errorf("the check of version 1 finds %+v, %v", got, err)
	}
	if !maps.Equal(contents(t, e), old) {
		t.Error("a refused Open changed the database")
	}
	openStore(t, e, Options{MigrateOK: true})
	if got := contents(t, e); !maps.Equal(got, want) {
		t.Errorf("%d keys; want the %d that version 2 writes itself", len(got), len(want))
	}
	openStore(t, e, Options{})
}

// TestMigrationStops stops the migration at each of its transactions, before and
// after the commit, until it gets through. Half-migrated it is opened neither
// without MigrateOK nor by an older latchkey, is no damage, and has lost nothing.
func TestMigrationStops(t *testing.T) {
	want := manyAccounts(t, 2500)
	begin := filled(t, want)
	asVersion1(t, begin)
	old := contents(t, begin)
	for _, onDisk := range []bool{false, true} {
		e := filled(t, old)
		stops, half := 0, 0
		for ; ; stops++ {
			_, err := Open(ctx, &stopping{e, stops % 2, onDisk}, testKeys(t), Options{MigrateOK: true})
			if err == nil {
				break
			}
			if !errors.Is(err, errStopped) || stops > 20 {
				t.Fatalf("stop %d: %v", stops, err)
			}
			if _, err := Open(ctx, e, testKeys(t), Options{}); err == nil {
				break // the last transaction was on disk
			} else if !errors.Is(err, ErrNeedsMigration) {
				t.Fatalf("after stop %d, without MigrateOK: %v; want ErrNeedsMigration", stops, err)
			}
			if got, err := checkEngine(t, e, testKeys(t), unchanged); err != nil || got.Damaged != 0 {
				t.Errorf("after stop %d the check finds %+v, %v", stops, got, err)
			}
			if now := contents(t, e); now[string(schemaKey())] != old[string(schemaKey())] {
				half++
				if countPrefix(now, keyNumber) > countPrefix(want, keyNumber) {
					t.Errorf("after stop %d the index has too much", stops)
				}
			} else if !maps.Equal(now, old) {
				t.Errorf("after stop %d version 1 was changed", stops)
			}
		}
		if got := contents(t, e); !maps.Equal(got, want) {
			t.Errorf("after %d stops: %d keys; want the %d that version 2 writes itself", stops, len(got), len(want))
		}
		if half < 3 {
			t.Errorf("only %d of %d stops were in the middle", half, stops)
		}
	}
}

func countPrefix(all map[string]string, prefix byte) int {
	n := 0
	for key := range all {
		if key[0] == prefix {
			n++
		}
	}
	return n
}

// TestOlderStaysOut: from the first change on the version is the new one, so that
// no older latchkey binds phones that the index does not list.
func TestOlderStaysOut(t *testing.T) {
	e := filled(t, manyAccounts(t, 10))
	asVersion1(t, e)
	before := contents(t, e)
	_, err := Open(ctx, &stopping{Engine: e, left: 1}, testKeys(t), Options{MigrateOK: true})
	if !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	after := contents(t, e)
	for key := range after {
		if after[key] == before[key] || key == string(migrationKey()) {
			continue
		}
		version, err := (&Store{keys: testKeys(t)}).decodeVersion([]byte(after[key]))
		if key != string(schemaKey()) || err != nil || !errors.Is(checkVersion(version, 1, true), ErrNewerSchema) {
			t.Errorf("the first transaction wrote %q: version %d, %v", key, version, err)
		}
	}
}

// TestMigrationLeavesDamage: damaged phones, accounts and keys stay as they are
// and hold up nobody else.
func TestMigrationLeavesDamage(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b, c := addAccount(t, s, "a@example.org", 1), addAccount(t, s, "b@example.org", 1), addAccount(t, s, "c@example.org", 1)
	for _, account := range []*Account{a, b, c} {
		bind(t, s, account, number1)
	}
	asVersion1(t, e)
	odd := []string{"b", "bshort", string(belowKey(b.ID, 0xff, "")), string(belowKey(b.ID, 0xff, "x")), "b" + string(bytes.Repeat([]byte{0xff}, 20))}
	for _, key := range append(odd, string(belowKey(a.ID, belowPhone, "")), "ab@example.org") {
		replaceValue(t, e, key, []byte("damaged"))
	}
	before := contents(t, e)
	s = openStore(t, e, Options{MigrateOK: true})
	boundTo(t, s, 2, 0) // b's account is damaged, and its phone is not
	after := contents(t, e)
	delete(after, string(s.numberKey(number1)))
	after[string(schemaKey())] = before[string(schemaKey())]
	if !maps.Equal(before, after) {
		t.Error("the migration changed more than the index")
	}
}

// TestMigrationOfUnreadableFile: a file that cannot be read to its end is refused
// before anything is changed.
func TestMigrationOfUnreadableFile(t *testing.T) {
	e := filled(t, manyAccounts(t, 50))
	asVersion1(t, e)
	before := contents(t, e)
	for _, at := range []int{1, 60, 100} {
		_, err := Open(ctx, &unreadable{Engine: e, left: at}, testKeys(t), Options{MigrateOK: true})
		if !errors.Is(err, kv.ErrDamaged) {
			t.Errorf("after %d reads: %v; want ErrDamaged", at, err)
		}
		if !maps.Equal(contents(t, e), before) {
			t.Fatalf("after %d reads: the database was changed", at)
		}
	}
}

// unreadable is an engine that reads only so many records below accounts.
type unreadable struct {
	kv.Engine
	left int
}

func (e *unreadable) View(ctx context.Context, fn func(kv.Reader) error) error {
	return e.Engine.View(ctx, func(r kv.Reader) error { return fn(&unreadableReader{r, e}) })
}

type unreadableReader struct {
	kv.Reader
	e *unreadable
}

func (r *unreadableReader) count(key []byte) error {
	if len(key) > 0 && key[0] == keyBelow {
		if r.e.left--; r.e.left < 0 {
			return fmt.Errorf("page 7: %w", kv.ErrDamaged)
		}
	}
	return nil
}

func (r *unreadableReader) Get(key []byte) ([]byte, error) {
	if err := r.count(key); err != nil {
		return nil, err
	}
	return r.Reader.Get(key)
}

func (r *unreadableReader) Scan(prefix, after []byte, fn func(key, value []byte) error) error {
	if err := r.count(prefix); err != nil {
		return err
	}
	return r.Reader.Scan(prefix, after, fn)
}

func TestMigrationRecord(t *testing.T) {
	want := migration{from: 1, after: AccountID{1, 2, 3}, begun: true}
	got, err := decodeMigration(want.payload()[headerLen:])
	if err != nil || *got != want {
		t.Errorf("%+v reads back as %+v, %v", want, got, err)
	}
	e := filled(t, manyAccounts(t, 3))
	s := &Store{keys: testKeys(t)}
	for name, value := range map[string][]byte{
		"damaged":    []byte("damaged"),
		"short":      s.seal(migrationKey(), make([]byte, headerLen+migrationLen-1)),
		"from 0":     s.seal(migrationKey(), migration{}.payload()),
		"from now":   s.seal(migrationKey(), migration{from: schemaVersion}.payload()),
		"from later": s.seal(migrationKey(), migration{from: schemaVersion + 1}.payload()),
	} {
		replaceValue(t, e, string(migrationKey()), value)
		if _, err := Open(ctx, e, testKeys(t), Options{MigrateOK: true}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Open = %v; want ErrDamaged", name, err)
		}
	}
}

// TestMigrationOfSharedNumber: accounts beyond what one number can have are left
// out, and hold up nobody.
func TestMigrationOfSharedNumber(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	ids := make([]AccountID, maxNumberAccounts)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][4:], uint32(i+1))
	}
	a, b := addAccount(t, s, "a@example.org", 0), addAccount(t, s, "b@example.org", 0)
	bind(t, s, a, number1)
	bind(t, s, b, number2)
	asVersion1(t, e)
	err := e.Update(ctx, func(w kv.Writer) error { // what the pages before would have left
		return (&Writer{Reader: Reader{s: s, kv: w}, kv: w}).list(s.numberKey(number1), ids...)
	})
	if err != nil {
		t.Fatal(err)
	}
	boundTo(t, openStore(t, e, Options{MigrateOK: true}), maxNumberAccounts, 1)
}
