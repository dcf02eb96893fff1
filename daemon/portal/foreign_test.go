package portal

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// belongings are the ids of everything that an account has, and what all of it
// looks like.
func (w *world) belongings(address string) (ids []string, looks string) {
	w.t.Helper()
	w.must(w.Accounts.Store.View(w.t.Context(), func(r *store.Reader) error {
		account, err := r.Account(address)
		if err != nil {
			return err
		}
		sessions, err := r.Sessions(account.ID)
		if err != nil {
			return err
		}
		devices, err := r.Devices(account.ID)
		if err != nil {
			return err
		}
		ids = append(ids, account.ID.String(), store.MainCredential(account.ID))
		for _, p := range account.AppPasswords {
			ids = append(ids, p.ID.String())
		}
		for _, d := range devices {
			ids = append(ids, d.ID.String())
		}
		for _, x := range sessions {
			ids = append(ids, x.ID.String())
			for _, p := range []store.Purpose{store.PurposeSignIn, store.PurposeBind, store.PurposeChange, store.PurposeConfirm} {
				if c, err := r.Challenge(account.ID, x.ID, p); err == nil {
					ids = append(ids, hex.EncodeToString(c.ID[:]))
				}
			}
		}
		looks = fmt.Sprintf("%+v %+v %+v", account, sessions, devices)
		return nil
	}))
	return ids, looks
}

// TestForeignIDs: as one person, every address and every form is tried with
// every id of another one's records. The answer is that to an id of nothing.
func TestForeignIDs(t *testing.T) {
	w := newWorld(t)
	w.addBound(bob, other)
	for _, name := range []string{"phone", "laptop"} {
		_, _, err := w.Accounts.AddAppPassword(t.Context(), root, bob, accounts.NewAppPassword{Name: name})
		w.must(err)
	}
	owner := w.client()
	owner.signIn(bob, good)
	owner.get(pathSignInCode)
	owner.post(pathSignInCode, "code", w.code(), "trust", "yes")
	w.client().signIn(bob, good) // one that still waits for its code
	ids, before := w.belongings(bob)
	if len(ids) < 8 {
		t.Fatalf("only %d ids", len(ids))
	}

	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	tried := 0
	for _, to := range w.routes {
		if to.public || to.path == pathSignOut || to.path == pathSignOutAll {
			continue
		}
		for _, id := range ids {
			nothing := nobodys(id)
			if strings.Contains(to.path, "{id}") {
				tried++
				alike(t, to, c.asks(to, id, ""), c.asks(to, nothing, ""), id, nothing)
			}
			for _, field := range to.fields {
				tried++
				alike(t, to, c.asks(to, "", field, id), c.asks(to, "", field, nothing), id, nothing)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d tries", tried)
	}
	if _, after := w.belongings(bob); after != before {
		t.Errorf("before: %s\nafter:  %s", before, after)
	}
}

// nobodys is an id of the same form that there is not.
func nobodys(id string) string {
	return regexp.MustCompile(`[0-9a-f]{4}$`).ReplaceAllStringFunc(id, func(end string) string {
		if end == "0123" {
			return "4567"
		}
		return "0123"
	})
}

// asks opens an address, or sends its form with one field.
func (c *client) asks(to route, id string, fields ...string) *answer {
	delete(c.cookies, "__Host-"+toldCookie) // what the try before has left
	path := strings.NewReplacer("{$}", "", "{id}", id).Replace(to.path)
	if to.method == http.MethodGet {
		if len(fields) == 2 {
			path += "?" + fields[0] + "=" + fields[1]
		}
		return c.get(path)
	}
	if len(fields) < 2 {
		return c.post(path)
	}
	return c.post(path, fields...)
}

// alike compares two answers, but for the id and the marks that are new on every
// page.
func alike(t *testing.T, to route, a, b *answer, id, nothing string) {
	t.Helper()
	passing := regexp.MustCompile(`name="(token|opened|id)" value="[^"]*"`)
	plain := func(a *answer, id string) string {
		return passing.ReplaceAllString(strings.ReplaceAll(a.Body.String(), id, "…"), "")
	}
	where := func(a *answer, id string) string { return strings.ReplaceAll(a.Header().Get("Location"), id, "…") }
	if a.Code != b.Code || where(a, id) != where(b, nothing) || plain(a, id) != plain(b, nothing) {
		t.Errorf("%s %s: %d with another's id %s, %d with nobody's", to.method, to.path, a.Code, id, b.Code)
	}
	if strings.Contains(to.path, "{id}") && a.Code != http.StatusNotFound {
		t.Errorf("%s %s: %d with another's id", to.method, to.path, a.Code)
	}
	if a.Code >= http.StatusInternalServerError && !slices.Contains([]string{pathConfirmSend}, to.path) {
		t.Errorf("%s %s: %d", to.method, to.path, a.Code)
	}
}
