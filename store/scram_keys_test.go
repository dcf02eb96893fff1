package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

// fullSCRAMKeys are those of addAccount's first app password, and of one more.
func fullSCRAMKeys() SCRAMKeys {
	return SCRAMKeys{Salt: []byte("sixteen bytes of"), Iterations: 4096, Rows: []SCRAMRow{
		{AppPasswordID{1}, bytes.Repeat([]byte("k"), 128)}, {AppPasswordID{2}, []byte("short")},
	}}
}

func TestSCRAMKeys(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 2), addAccount(t, s, "v@example.org", 0)
	want := fullSCRAMKeys()
	update(t, s, func(w *Writer) error { return w.PutSCRAMKeys(a.ID, want) })
	view(t, s, func(r *Reader) error {
		if got, err := r.SCRAMKeys(a.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("SCRAMKeys = %v, %v; want %v", got, err, want)
		}
		if got, err := r.SCRAMKeys(other.ID); !errors.Is(err, ErrNoSCRAMKeys) {
			t.Errorf("of another account: %v, %v", got, err)
		}
		return nil
	})

	// They go with what people see of the app password; the salt stays.
	update(t, s, func(w *Writer) error {
		return errors.Join(w.DeleteAppPassword(a.ID, AppPasswordID{1}), w.DeleteAppPassword(a.ID, AppPasswordID{9}),
			w.DeleteAppPassword(other.ID, AppPasswordID{1}))
	})
	account, keys, err := s.SCRAM(ctx, a.Address)
	if err != nil || !reflect.DeepEqual(account, a) || !bytes.Equal(keys.Salt, want.Salt) || !reflect.DeepEqual(keys.Rows, want.Rows[1:]) {
		t.Errorf("SCRAM = %v, %v, %v", account, keys, err)
	}
	update(t, s, func(w *Writer) error { return w.DeleteAppPassword(a.ID, AppPasswordID{2}) })
	if _, keys, err := s.SCRAM(ctx, a.Address); err != nil || !bytes.Equal(keys.Salt, want.Salt) || len(keys.Rows) != 0 {
		t.Errorf("without the last: %v, %v", keys, err)
	}

	// What does not exist is no keys, and not the decoy's.
	if got, keys, err := s.SCRAM(ctx, other.Address); err != nil || got == nil || keys.Salt != nil || keys.Rows != nil {
		t.Errorf("of an account without: %v, %v, %v", got, keys, err)
	}
	for _, address := range []string{"nobody@example.org", "", "a\x00"} {
		if got, keys, err := s.SCRAM(ctx, address); !errors.Is(err, ErrNoAccount) || errors.Is(err, ErrDamaged) || got != nil || keys.Salt != nil || keys.Rows != nil {
			t.Errorf("of %q: %v, %v, %v", address, got, keys, err)
		}
	}

	for name, change := range map[string]func(*SCRAMKeys){
		"no salt":       func(k *SCRAMKeys) { k.Salt = nil },
		"short salt":    func(k *SCRAMKeys) { k.Salt = k.Salt[:minSCRAMSalt-1] },
		"long salt":     func(k *SCRAMKeys) { k.Salt = make([]byte, maxSCRAMSalt+1) },
		"no iterations": func(k *SCRAMKeys) { k.Iterations = 0 },
		"many":          func(k *SCRAMKeys) { k.Rows = make([]SCRAMRow, MaxAppPasswordRows+1) },
		"no id":         func(k *SCRAMKeys) { k.Rows[0].ID = AppPasswordID{} },
		"no keys":       func(k *SCRAMKeys) { k.Rows[0].Keys = nil },
		"long keys":     func(k *SCRAMKeys) { k.Rows[0].Keys = make([]byte, maxSCRAMKeys+1) },
	} {
		k := fullSCRAMKeys()
		change(&k)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutSCRAMKeys(a.ID, k) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
		if _, err := decodeSCRAMKeys(appendSCRAMKeys(nil, &k)); len(k.Salt) < 256 && name != "many" && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: read as %v", name, err)
		}
	}
	if err := s.Update(ctx, func(w *Writer) error { return w.PutSCRAMKeys(AccountID{}, want) }); !errors.Is(err, ErrInvalidRecord) {
		t.Errorf("no account: %v; want ErrInvalidRecord", err)
	}
}

// TestMostSCRAMKeys: as many rows as an account may have fit.
func TestMostSCRAMKeys(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 0)
	k := SCRAMKeys{Salt: make([]byte, maxSCRAMSalt), Iterations: ^uint32(0)}
	for i := range MaxAppPasswordRows {
		k.Rows = append(k.Rows, SCRAMRow{AppPasswordID{1, byte(i >> 8), byte(i)}, make([]byte, maxSCRAMKeys)})
	}
	update(t, s, func(w *Writer) error { return w.PutSCRAMKeys(a.ID, k) })
	if _, got, err := s.SCRAM(ctx, a.Address); err != nil || !reflect.DeepEqual(got, k) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestDamagedSCRAMKeys: they keep nothing else from working, and name their
// account.
func TestDamagedSCRAMKeys(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a := fullAccount(t, s, "u@example.org")
	replaceValue(t, e, string(belowKey(a.ID, belowSCRAMKeys, "")), []byte("damaged"))
	_, keys, err := s.SCRAM(ctx, a.Address)
	var named *DamagedAccountError
	if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoAccount) || !errors.As(err, &named) || named.Address != a.Address || keys.Salt != nil {
		t.Errorf("SCRAM = %v, %v; want ErrDamaged of %s", keys, err, a.Address)
	}
	if got, err := s.Account(ctx, a.Address); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("Account = %v, %v", got, err)
	}
	update(t, s, func(w *Writer) error { return w.DeleteAppPassword(a.ID, a.AppPasswords[0].ID) })
	update(t, s, func(w *Writer) error { return w.DeleteAccount(a) })
}

// TestSCRAMKeysAreSealed looks for keys and salt in all that is on disk, and in
// what is printed.
func TestSCRAMKeysAreSealed(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	fullAccount(t, s, "u@example.org")
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			if bytes.Contains(value, []byte("kkkk")) || bytes.Contains(value, []byte("sixteen")) {
				t.Errorf("keys or salt stand open in record %q", key)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	k := fullSCRAMKeys()
	text, err := json.Marshal(struct {
		K SCRAMKeys
		R SCRAMRow
	}{k, k.Rows[0]})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{string(text), fmt.Sprintf("%v %+v %#v %s", k, k, k, k), fmt.Sprintf("%v %#v", k.Rows, k.Rows)} {
		if strings.Contains(got, "kk") || strings.Contains(got, "107") || strings.Contains(got, "0x6b") || strings.Contains(got, "a2tr") {
			t.Errorf("shows a key: %s", got)
		}
	}
}

// BenchmarkSCRAM is what the first message of SCRAM waits for: an account with
// keys, one without, and none must take about as long as each other.
func BenchmarkSCRAM(b *testing.B) {
	e, err := boltkv.Open(filepath.Join(b.TempDir(), "scram.db"), boltkv.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(ctx, e, testKeys(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for i := range 500 {
		for name, n := range map[string]int{"keys": 3, "keyless": 0} {
			err := s.Update(ctx, func(w *Writer) error {
				a, err := w.CreateAccount(fmt.Sprintf("%s%d@example.org", name, i), "")
				if err != nil || n == 0 {
					return err
				}
				k := SCRAMKeys{Salt: make([]byte, 16), Iterations: 4096}
				for j := range n {
					k.Rows = append(k.Rows, SCRAMRow{AppPasswordID{byte(j + 1)}, make([]byte, 128)})
				}
				return w.PutSCRAMKeys(a.ID, k)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, name := range []string{"keys", "keyless", "keynobody"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _, err := s.SCRAM(ctx, fmt.Sprintf("%s%d@example.org", name, i%500))
				if errors.Is(err, ErrNoAccount) != (name == "keynobody") {
					b.Fatal(err)
				}
			}
		})
	}
}
