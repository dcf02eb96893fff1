package accounts

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func (w *world) scramKeys() store.SCRAMKeys {
	w.t.Helper()
	_, keys, err := w.Store.SCRAM(w.t.Context(), alice)
	w.must(err)
	return keys
}

// hasSCRAM says whether the account has keys of these letters, under this id and
// in both forms. Any other state than "both" or "none" fails the test.
func (w *world) hasSCRAM(id store.AppPasswordID, letters [16]byte) bool {
	w.t.Helper()
	keys := w.scramKeys()
	at := slices.IndexFunc(keys.Rows, func(r store.SCRAMRow) bool { return r.ID == id })
	if at < 0 {
		return false
	}
	var want []byte
	for _, form := range []string{string(letters[:]), secret.GroupAppPassword(letters)} {
		key, err := sasl.DeriveSCRAM(form, keys.Salt, int(keys.Iterations))
		w.must(err)
		want = append(want, key[:]...)
	}
	if !bytes.Equal(keys.Rows[at].Keys, want) {
		w.t.Errorf("the keys are not those of %s", letters)
	}
	return true
}

// TestSCRAMKeysOfAppPasswords: every way to make an app password makes its keys,
// all with one salt; they last as long as its headstone.
func TestSCRAMKeysOfAppPasswords(t *testing.T) {
	w := worldWith(t)
	first, firstLetters := w.appPassword("by an administrator", true, time.Time{})
	salt := w.Keys.SCRAMSalt(alice)
	if keys := w.scramKeys(); !bytes.Equal(keys.Salt, salt[:]) || keys.Iterations != 4096 {
		t.Errorf("salt %x, %d iterations; want %x", keys.Salt, keys.Iterations, salt)
	}
	in := w.inside(alice).Session
	own, ownLetters, err := w.MakeAppPassword(t.Context(), in, NewAppPassword{Name: "phone"})
	w.must(err)
	ends := w.now.Add(time.Hour)
	expiring, expiringLetters := w.appPassword("for an hour", true, ends)
	w.must(w.RevokeOwn(t.Context(), in, own.ID))
	w.now = ends
	_, err = w.RevokeAppPassword(t.Context(), admin, alice, expiring)
	w.must(err)
	for id, letters := range map[store.AppPasswordID][16]byte{first: firstLetters, own.ID: ownLetters, expiring: expiringLetters} {
		if !w.hasSCRAM(id, letters) {
			t.Errorf("%s has no keys", id)
		}
	}

	w.must(w.Delete(t.Context(), admin, alice))
	w.add(alice)
	if keys := w.scramKeys(); keys.Salt != nil {
		t.Errorf("a re-created account inherits %v", keys)
	}
	again, letters := w.appPassword("again", true, time.Time{})
	if !w.hasSCRAM(again, letters) || len(w.scramKeys().Rows) != 1 {
		t.Error("a re-created account's app password has no keys of its own")
	}
}

// TestSCRAMKeysKeepTheirSalt: the account's own salt and count, once they are made.
func TestSCRAMKeysKeepTheirSalt(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	a := w.account()
	own := store.SCRAMKeys{Salt: []byte("sixteen bytes of"), Iterations: 5000}
	w.must(w.Store.Update(t.Context(), func(tx *store.Writer) error { return tx.PutSCRAMKeys(a.ID, own) }))
	id, letters := w.appPassword("phone", true, time.Time{})
	if keys := w.scramKeys(); !bytes.Equal(keys.Salt, own.Salt) || keys.Iterations != 5000 || !w.hasSCRAM(id, letters) {
		t.Errorf("%q, %d, %v", keys.Salt, keys.Iterations, keys)
	}
}

// TestSCRAMKeysFallWithHeadstones: there are as many as the account has rows.
func TestSCRAMKeysFallWithHeadstones(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	for range MaxHeadstones + 2 {
		id, _ := w.appPassword("n", true, time.Time{})
		_, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
		w.must(err)
	}
	rows, keys := w.account().AppPasswords, w.scramKeys().Rows
	if len(rows) != MaxHeadstones || len(keys) != MaxHeadstones {
		t.Errorf("%d headstones, keys of %d", len(rows), len(keys))
	}
	for _, row := range rows {
		if !slices.ContainsFunc(keys, func(k store.SCRAMRow) bool { return k.ID == row.ID }) {
			t.Errorf("the headstone of %s has no keys", row.ID)
		}
	}
}

// TestDamagedSCRAMKeys hold nothing up: app passwords are made and ended without.
func TestDamagedSCRAMKeys(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	first, _ := w.appPassword("first", true, time.Time{})
	a := w.account()
	w.damage(append(append([]byte("b"), a.ID[:]...), 'v'))
	_, letters := w.appPassword("second", true, time.Time{})
	if row, found := w.account().Match(w.Keys.AppPasswordTag(a.ID, letters)); !found || row.State != store.Live {
		t.Errorf("%+v, %v", row, found)
	}
	_, err := w.RevokeAppPassword(t.Context(), admin, alice, first)
	w.must(err)
	if _, _, err := w.Store.SCRAM(t.Context(), alice); err == nil {
		t.Error("the damage is gone")
	}
	w.must(w.Delete(t.Context(), admin, alice))
}
