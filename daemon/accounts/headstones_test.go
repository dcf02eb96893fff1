package accounts

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// TestFreshHeadstoneStays revokes more app passwords than headstones are kept,
// in both orders: each is dead at once, and those that ended first fall away.
func TestFreshHeadstoneStays(t *testing.T) {
	for name, turn := range map[string]func([]store.AppPasswordID){
		"oldest first": func([]store.AppPasswordID) {}, "youngest first": slices.Reverse[[]store.AppPasswordID],
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cfg.AppPasswords.Max = MaxHeadstones + 2
			w.add(alice)
			var ids []store.AppPasswordID
			for range MaxHeadstones + 2 {
				id, _ := w.appPassword("n", true, time.Time{})
				ids = append(ids, id)
			}
			turn(ids)
			for _, id := range ids {
				w.now = w.now.Add(time.Second)
				p, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
				w.must(err)
				if p.ID != id || p.State != store.Revoked || !p.Ended.Equal(w.now) {
					t.Fatalf("%+v", p)
				}
			}
			shown := w.show()
			if shown.Live != 0 || len(shown.AppPasswords) != MaxHeadstones {
				t.Fatalf("%d live of %d", shown.Live, len(shown.AppPasswords))
			}
			for i, p := range shown.AppPasswords {
				if p.ID != ids[i+2] {
					t.Fatalf("headstone %d is of another app password: %+v", i, p)
				}
			}
		})
	}
}

// TestOldLiveOneAmongHeadstones ends the oldest app password, live all the time,
// when there are as many headstones of younger ones as are kept.
func TestOldLiveOneAmongHeadstones(t *testing.T) {
	for name, end := range map[string]func(w *world) error{
		"phone bound": func(w *world) error { _, err := w.BindPhone(w.t.Context(), admin, alice, "13812345678"); return err },
		"password set": func(w *world) error {
			_, err := w.SetPassword(w.t.Context(), admin, alice, secret.New(good), true)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			old, letters := w.appPassword("old", false, time.Time{})
			for range MaxHeadstones {
				id, _ := w.appPassword("n", false, time.Time{})
				_, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
				w.must(err)
			}
			w.must(end(w))
			a := w.account()
			row, found := a.Match(w.Keys.AppPasswordTag(a.ID, letters))
			if !found || row.State == store.Live || len(a.AppPasswords) != MaxHeadstones {
				t.Errorf("%d rows, the old one's headstone: %+v, %v", len(a.AppPasswords), row, found)
			}
			if p := w.show().AppPasswords[MaxHeadstones-1]; p.ID != old || p.Name != "old" {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestRevokeWhatFallsAway revokes one that expired together with more others
// than headstones are kept: its own falls away in the same change.
func TestRevokeWhatFallsAway(t *testing.T) {
	w := newWorld(t)
	w.cfg.AppPasswords.Max = MaxHeadstones + 1
	w.add(alice)
	ends := w.now.Add(time.Hour)
	first, _ := w.appPassword("first", true, ends)
	for range MaxHeadstones {
		w.appPassword("n", true, ends)
	}
	w.now = ends
	p, err := w.RevokeAppPassword(t.Context(), admin, alice, first)
	w.must(err)
	if p.Name != "first" || p.State != store.Expired || !p.Ended.Equal(ends) {
		t.Errorf("%+v", p)
	}
	if a := w.account(); len(a.AppPasswords) != MaxHeadstones || slices.ContainsFunc(a.AppPasswords, func(r store.AppPasswordRow) bool { return r.ID == first }) {
		t.Errorf("%d rows", len(a.AppPasswords))
	}
}
