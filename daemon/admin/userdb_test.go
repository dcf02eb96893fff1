package admin

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
)

// TestUserdb: an administrator sets an account's own fields, and the helpdesk sees
// them.
func TestUserdb(t *testing.T) {
	d := newDoor(t)
	c := d.client(0)
	if _, err := c.AccountAdd(t.Context(), AccountAdd{Address: alice}); err != nil {
		t.Fatal(err)
	}
	home, uid := store.UserdbField{Key: "home", Value: "/srv/%n"}, store.UserdbField{Key: "uid", Value: "5001"}
	shown, err := c.UserdbSet(t.Context(), UserdbSet{Address: alice, Fields: []store.UserdbField{uid, home}})
	if err != nil || !slices.Equal(shown.Fields, []store.UserdbField{home, uid}) {
		t.Errorf("set: %+v, %v", shown, err)
	}
	shown, err = c.UserdbUnset(t.Context(), UserdbUnset{Address: alice, Keys: []string{"home"}})
	if err != nil || !slices.Equal(shown.Fields, []store.UserdbField{uid}) {
		t.Errorf("unset: %+v, %v", shown, err)
	}
	if w := d.ask(t.Context(), helper, pathUserdbShow, `{"address":"alice@example.org"}`); w.Code != http.StatusOK ||
		w.Body.String() != `{"fields":[{"key":"uid","value":"5001"}]}`+"\n" {
		t.Errorf("show: %d %s", w.Code, w.Body)
	}
	shown, err = c.UserdbUnset(t.Context(), UserdbUnset{Address: alice, All: true})
	if err != nil || shown.Fields == nil || len(shown.Fields) != 0 {
		t.Errorf("unset all: %+v, %v", shown, err)
	}
	_, setNone := c.UserdbSet(t.Context(), UserdbSet{Address: alice})
	_, unsetNone := c.UserdbUnset(t.Context(), UserdbUnset{Address: alice})
	_, root := c.UserdbSet(t.Context(), UserdbSet{Address: alice, Fields: []store.UserdbField{{Key: "uid", Value: "0"}}})
	_, nobody := c.UserdbShow(t.Context(), "nobody@example.org")
	for _, test := range []struct {
		err    error
		status int
	}{{setNone, 400}, {unsetNone, 400}, {root, 422}, {nobody, 404}} {
		var told *Error
		if !errors.As(test.err, &told) || told.Status != test.status {
			t.Errorf("%v, want %d", test.err, test.status)
		}
	}
}
