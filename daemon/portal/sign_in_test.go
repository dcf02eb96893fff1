package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// aged is a world in which refusals are two seconds old, inside a bubble of
// package synctest, whose clock moves when everybody waits.
func aged(t *testing.T) *world {
	w := newWorldOn(t, memkv.New(), time.Now)
	w.cfg.Auth.FailureDelay = config.Duration(2 * time.Second)
	return w
}

// TestRefusalsAreAlike: whoever is refused, and why, gets the same bytes at the
// same age. "Could not tell" reads otherwise and is as old.
func TestRefusalsAreAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := aged(t)
		w.add(alice)
		w.addBound(bob, number)
		w.add("carol@example.org")
		w.must(w.Accounts.Disable(t.Context(), root, "carol@example.org"))
		_, err := w.Accounts.Add(t.Context(), root, "dave@example.org", secret.Secret{})
		w.must(err)
		_, letters, err := w.Accounts.AddAppPassword(t.Context(), root, bob, accounts.NewAppPassword{Name: "phone"})
		w.must(err)

		w.must(w.Accounts.AddAlias(t.Context(), root, alice, "a.liddell@example.org"))

		var first string
		for _, of := range []struct{ name, address, password string }{
			{"wrong password", alice, "wrong"},
			{"alias", "a.liddell@example.org", "wrong"},
			{"bound", bob, "wrong"},
			{"app password", bob, secret.GroupAppPassword(letters)},
			{"disabled", "carol@example.org", good},
			{"no main password", "dave@example.org", good},
			{"unknown", "nobody@example.org", good},
			{"foreign", "nobody@example.com", good},
			{"no name", "a@b@c", good},
			{"empty", alice, ""},
			{"endless", alice, strings.Repeat("x", 8000)},
			{"blank", alice, " " + good},
		} {
			began := time.Now()
			a := w.client().signIn(of.address, of.password)
			if took := time.Since(began); took != 2*time.Second {
				t.Errorf("%s: after %s", of.name, took)
			}
			if a.Code != http.StatusForbidden || len(a.Result().Cookies()) > 0 {
				t.Errorf("%s: %d, cookies %v", of.name, a.Code, a.Result().Cookies())
			}
			body := strings.ReplaceAll(a.Body.String(), `value="`+of.address+`"`, `value="…"`)
			if first == "" {
				first = body
			}
			if body != first {
				t.Errorf("%s: another page: %s", of.name, a.text())
			}
		}
		w.hasher.SetFull(true)
		for _, address := range []string{alice, bob, "nobody@example.org"} {
			began, c := time.Now(), w.client()
			a := c.signIn(address, good)
			if took := time.Since(began); took != 2*time.Second || a.Code != http.StatusServiceUnavailable || !c.says(a, "error.try_again") || c.says(a, "failure.sign_in") {
				t.Errorf("busy, %s: %d after %s: %s", address, a.Code, took, a.text())
			}
		}
	})
}

// TestHangUp: who waits for a refusal and goes away makes room at once.
func TestHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := aged(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan *httptest.ResponseRecorder)
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+pathSignIn, strings.NewReader("address=nobody&password=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			a := httptest.NewRecorder()
			w.handler.ServeHTTP(a, r)
			done <- a
		}()
		time.Sleep(time.Second) // it was decided, and is waiting for its age
		synctest.Wait()
		if w.room.all != 1 {
			t.Errorf("%d wait", w.room.all)
		}
		began := time.Now()
		cancel()
		if a := <-done; time.Since(began) != 0 || a.Body.Len() > 0 {
			t.Errorf("waited %s for nobody", time.Since(began))
		}
		if w.room.all != 0 {
			t.Errorf("%d still have a place", w.room.all)
		}
	})
}

// TestFull: when too many wait, the next is told at once, and nothing is hashed.
func TestFull(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.room = newWaiting(0, 0)
	c := w.client()
	if a := c.signIn(alice, good); a.Code != http.StatusServiceUnavailable || w.hasher.Matches() > 0 {
		t.Errorf("%d, %d hashed", a.Code, w.hasher.Matches())
	}
}

// TestNameField: people type passwords into the name field. It goes to nobody's
// eyes but theirs.
func TestNameField(t *testing.T) {
	w := newWorld(t)
	w.client().signIn("hunter2-secret", "x")
	w.client().signIn(alice, "hunter2-secret")
	w.must(w.Accounts.Flush(t.Context(), ""))
	page, err := w.Accounts.Store.Events(t.Context(), store.EventQuery{})
	w.must(err)
	if len(page) == 0 {
		t.Fatal("no event")
	}
	for _, ev := range page {
		if strings.Contains(ev.Address, "hunter2") || ev.Service != "portal" || ev.Mechanism != "PASSWORD" || ev.Outcome != store.Rejected {
			t.Errorf("%+v", ev)
		}
	}
	if strings.Contains(w.log.String(), "hunter2") {
		t.Errorf("log: %s", w.log)
	}
}

// TestStoreDown: what cannot be looked at is "try again", at the same age, and
// never "wrong password" or "signed out".
func TestStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := aged(t)
		w.add(alice)
		c := w.client()
		c.signIn(alice, good).wants(http.StatusSeeOther, pathSecurity)
		w.must(w.Accounts.Store.Close())
		if a := c.get(pathPhone); a.Code != http.StatusServiceUnavailable || !c.says(a, "error.try_again") {
			t.Errorf("a page: %d %s", a.Code, a.text())
		}
		began := time.Now()
		a := w.client().signIn(alice, good)
		if took := time.Since(began); took != 2*time.Second || a.Code != http.StatusServiceUnavailable || !c.says(a, "error.try_again") {
			t.Errorf("sign-in: %d after %s: %s", a.Code, took, a.text())
		}
	})
}
