package accounts

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// damage flips a bit in the value of every record whose key ends so, and fails
// if there is none.
func (w *world) damage(suffix []byte) {
	w.t.Helper()
	found := 0
	w.must(w.engine.Update(w.t.Context(), func(kw kv.Writer) error {
		var keys, values [][]byte
		err := kw.Scan(nil, nil, func(key, value []byte) error {
			if bytes.HasSuffix(key, suffix) {
				keys, values = append(keys, bytes.Clone(key)), append(values, bytes.Clone(value))
			}
			return nil
		})
		for i := range keys {
			values[i][len(values[i])-1] ^= 1
			err = errors.Join(err, kw.Put(keys[i], values[i]))
		}
		found = len(keys)
		return err
	}))
	if found == 0 {
		w.t.Fatalf("no record %q", suffix)
	}
}

// TestDamagedDescription: the row opens doors, so that it is ended whatever has
// become of its description, and the others are not held up.
func TestDamagedDescription(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(w *world, bad, whole store.AppPasswordID) error
		live  []string // afterwards
		event string   // the detail of the newest
	}{
		{"revoke another", func(w *world, _, whole store.AppPasswordID) error {
			_, err := w.RevokeAppPassword(w.t.Context(), admin, alice, whole)
			return err
		}, []string{""}, "whole"},
		{"revoke it", func(w *world, bad, _ store.AppPasswordID) error {
			p, err := w.RevokeAppPassword(w.t.Context(), admin, alice, bad)
			if p.ID != bad || p.State != store.Revoked || p.EndedBy != admin {
				w.t.Errorf("%+v", p)
			}
			return err
		}, []string{"whole"}, "its description was damaged"},
		{"bind a phone", func(w *world, _, _ store.AppPasswordID) error {
			_, err := w.BindPhone(w.t.Context(), admin, alice, "13812345678")
			return err
		}, []string{"whole"}, "its description was damaged (made before the phone was bound)"},
		{"set the password", func(w *world, _, _ store.AppPasswordID) error {
			_, err := w.SetPassword(w.t.Context(), admin, alice, secret.New(good), true)
			return err
		}, nil, "whole"},
		{"expire", func(w *world, _, _ store.AppPasswordID) error {
			w.now = w.now.Add(2 * time.Hour)
			_, _, err := w.AddAppPassword(w.t.Context(), admin, alice, NewAppPassword{Name: "new", ByAdmin: true})
			return err
		}, []string{"whole", "new"}, "new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			bad, _ := w.appPassword("bad", true, w.now.Add(time.Hour))
			whole, _ := w.appPassword("whole", true, time.Time{})
			w.damage(bad[:])
			w.must(tt.end(w, bad, whole))
			var live []string
			for _, p := range w.show().AppPasswords {
				if p.State == store.Live {
					live = append(live, p.Name)
				}
			}
			if !slices.Equal(live, tt.live) {
				t.Errorf("live: %q, want %q", live, tt.live)
			}
			page, err := w.Events(t.Context(), EventQuery{Address: alice})
			w.must(err)
			if page[0].Detail != tt.event {
				t.Errorf("event: %q, want %q", page[0].Detail, tt.event)
			}
		})
	}
}

func TestRevokedTwiceThenDamaged(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	id, _ := w.appPassword("phone", true, time.Time{})
	_, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
	w.must(err)
	w.damage(id[:])
	p, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
	if err != nil || p.State != store.Revoked || !p.Damaged {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestShowMarksDamage: each damaged record is named and hides no other.
func TestShowMarksDamage(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	_, err := w.BindPhone(t.Context(), admin, alice, "13812345678")
	w.must(err)
	w.must(w.Exempt(t.Context(), admin, alice, w.now.Add(time.Hour), "waits"))
	bad, _ := w.appPassword("bad", true, time.Time{})
	w.appPassword("whole", true, time.Time{})
	a := w.account()
	credential := store.MainCredential(a.ID)
	use := store.Use{Address: alice, AccountID: a.ID, Credential: credential, LastUse: store.LastUse{Time: w.now}}
	w.must(w.Store.WriteMerged(t.Context(), nil, []store.Use{use}))
	if shown := w.show(); len(shown.Damaged) != 0 || shown.AppPasswords[0].Damaged {
		t.Fatalf("before: %+v", shown)
	}
	w.damage(bad[:])
	w.damage([]byte(credential))
	for _, kind := range "px" {
		w.damage(append(a.ID[:], byte(kind)))
	}
	shown := w.show()
	if got := strings.Join(shown.Damaged, ", "); got != "phone, exception, last use" {
		t.Errorf("damaged: %s", got)
	}
	if p := shown.AppPasswords; len(p) != 2 || !p[0].Damaged || p[0].ID != bad || p[0].State != store.Live || p[1].Damaged || p[1].Name != "whole" {
		t.Errorf("%+v", p)
	}
	b, err := w.BindPhone(t.Context(), admin, alice, "13812345678") // mends it
	w.must(err)
	if !b.Changed || w.show().Phone != "+86 138****5678" {
		t.Errorf("%+v", b)
	}
}

// TestListWithDamage: a damaged account is named beside the others.
func TestListWithDamage(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.add(name + "@example.org")
	}
	w.damage([]byte("b@example.org"))
	w.damage([]byte("d@example.org"))
	var good, bad []string
	pages := 0
	for after := ""; ; {
		page, err := w.List(t.Context(), after, 2, "")
		w.must(err)
		for _, s := range page.Accounts {
			good = append(good, s.Address)
		}
		bad = append(bad, page.Damaged...)
		pages++
		if after = page.Next; after == "" {
			break
		}
	}
	if strings.Join(good, " ") != "a@example.org c@example.org" || strings.Join(bad, " ") != "b@example.org d@example.org" || pages != 3 {
		t.Errorf("%q, damaged %q, %d pages", good, bad, pages)
	}
	_ = w.Store.Close()
	if _, err := w.List(t.Context(), "", 0, ""); err == nil || !errors.Is(err, kv.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
