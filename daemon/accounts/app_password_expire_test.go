package accounts

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// expired adds an account with one app password that ends then.
func (w *world) expired(address string, ends time.Time) store.AppPasswordID {
	w.t.Helper()
	w.add(address)
	p, _, err := w.AddAppPassword(w.t.Context(), admin, address, NewAppPassword{Name: "n", Expires: ends})
	w.must(err)
	return p.ID
}

// TestBuryExpired: at its time, and not before, an app password gets its
// headstone and its event, and what it opened is cut; once.
func TestBuryExpired(t *testing.T) {
	w := newWorld(t)
	ends := w.now.Add(90 * 24 * time.Hour)
	first := w.expired(alice, ends)
	second, _ := w.appPassword("second", true, ends.Add(-time.Hour))
	later, _ := w.appPassword("later", true, ends.Add(time.Second))
	never, _ := w.appPassword("never", true, time.Time{})
	other := w.expired("bob@example.org", ends)
	w.add("carol@example.org")
	bury := func(want int) {
		t.Helper()
		page, err := w.BuryExpired(t.Context(), "")
		if err != nil || page != (ExpiredPage{Accounts: want}) {
			t.Errorf("%+v, %v; want %d", page, err, want)
		}
	}
	before := w.kinds()
	w.now = ends.Add(-time.Hour - 1)
	bury(0)
	if w.kinds() != before || len(w.cuts) > 0 {
		t.Errorf("too early: %s, cut %q", w.kinds(), w.cuts)
	}
	w.now = ends
	bury(2)
	bury(0)
	states := make(map[store.AppPasswordID]string)
	for _, p := range w.show().AppPasswords {
		states[p.ID] = fmt.Sprint(p.State, " ", p.Ended)
	}
	for id, want := range map[store.AppPasswordID]string{
		first:  fmt.Sprint(store.Expired, " ", ends),
		second: fmt.Sprint(store.Expired, " ", ends.Add(-time.Hour)),
		later:  fmt.Sprint(store.Live, " ", time.Time{}),
		never:  fmt.Sprint(store.Live, " ", time.Time{}),
	} {
		if states[id] != want {
			t.Errorf("%s, want %s", states[id], want)
		}
	}
	if got, want := w.kinds(), before+" app-password-expired app-password-expired"; got != want {
		t.Errorf("events %s\nwant %s", got, want)
	}
	page, err := w.Events(t.Context(), EventQuery{Address: "bob@example.org", Limit: 1})
	w.must(err)
	if e := page[0]; e.Kind != store.EventAppPasswordExpired || e.Actor != "latchkey" || e.Credential != other.String() || !e.Time.Equal(ends) {
		t.Errorf("%+v", e)
	}
	if want := []string{alice + " " + first.String() + " " + second.String(), "bob@example.org " + other.String()}; !slices.Equal(w.cuts, want) {
		t.Errorf("cut %q\nwant %q", w.cuts, want)
	}
}

// TestBuryExpiredPages: no call looks at or changes more than it may, and all
// together miss nobody, whoever stands where.
func TestBuryExpiredPages(t *testing.T) {
	w := newWorld(t)
	const all = 2*MaxPage + 7
	has := func(n int) bool { return n < 2*maxExpired+5 || n%500 == 499 || n == all-1 }
	w.must(w.Store.Update(t.Context(), func(tx *store.Writer) error {
		for n := range all {
			a, err := tx.CreateAccount(fmt.Sprintf("a%05d@example.org", n), "")
			if err != nil {
				return err
			}
			a.AppPasswords = []store.AppPasswordRow{{ID: store.AppPasswordID{1}, Tag: [16]byte{byte(n), byte(n >> 8), 1}, Scopes: store.ScopeAll, State: store.Live}}
			if has(n) {
				a.AppPasswords[0].Expires = w.now
			}
			if err := tx.PutAccount(a); err != nil {
				return err
			}
		}
		return nil
	}))
	buried, calls, after := 0, 0, ""
	for {
		page, err := w.BuryExpired(t.Context(), after)
		w.must(err)
		if calls++; page.Accounts > maxExpired || calls > 10 {
			t.Fatalf("call %d: %+v", calls, page)
		}
		if buried += page.Accounts; page.Next == "" {
			break
		}
		after = page.Next
	}
	want := 0
	for n := range all {
		a, err := w.Store.Account(t.Context(), fmt.Sprintf("a%05d@example.org", n))
		w.must(err)
		if has(n) {
			want++
		}
		if (a.AppPasswords[0].State == store.Expired) != has(n) {
			t.Errorf("account %d: %v", n, a.AppPasswords[0].State)
		}
	}
	if buried != want || len(w.cuts) != want || calls != 4 {
		t.Errorf("%d buried, %d cut in %d calls; want %d in 4", buried, len(w.cuts), calls, want)
	}
}

// TestBuryExpiredBesideDamage: what is damaged does not keep the others' alive.
func TestBuryExpiredBesideDamage(t *testing.T) {
	w := newWorld(t)
	ends := w.now.Add(time.Hour)
	for _, address := range []string{"a@example.org", "b@example.org", "c@example.org"} {
		w.expired(address, ends)
	}
	w.now = ends
	w.damage([]byte("ab@example.org"))
	page, err := w.BuryExpired(t.Context(), "")
	if err != nil || page.Accounts != 2 || len(w.cuts) != 2 {
		t.Errorf("%+v, %v, cut %q", page, err, w.cuts)
	}
	w.must(w.Store.Close())
	if page, err := w.BuryExpired(t.Context(), ""); err == nil || errors.Is(err, ErrDamaged) || page != (ExpiredPage{}) {
		t.Errorf("store closed: %+v, %v", page, err)
	}
}
