package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
)

func field(pair string) store.UserdbField {
	key, value, _ := strings.Cut(pair, "=")
	return store.UserdbField{Key: key, Value: value}
}

func fields(pairs ...string) []store.UserdbField {
	list := make([]store.UserdbField, len(pairs))
	for i, pair := range pairs {
		list[i] = field(pair)
	}
	return list
}

// own reads the fields of alice.
func (w *world) own() []store.UserdbField {
	w.t.Helper()
	own, err := w.Userdb(w.t.Context(), alice)
	w.must(err)
	return own
}

func TestUserdb(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	if own := w.own(); own != nil {
		t.Errorf("at first: %v", own)
	}
	set := func(pairs ...string) {
		t.Helper()
		w.must(w.SetUserdb(t.Context(), admin, "Alice@Example.org", fields(pairs...)))
	}
	unset := func(keys ...string) { t.Helper(); w.must(w.UnsetUserdb(t.Context(), admin, alice, keys)) }
	check := func(pairs ...string) {
		t.Helper()
		if own := w.own(); !slices.Equal(own, fields(pairs...)) || w.account().OwnUserdb != (len(pairs) > 0) {
			t.Errorf("%v, want %v", own, pairs)
		}
	}
	set("uid=5001", "userdb_quota_rule=*:storage=1G")
	check("quota_rule=*:storage=1G", "uid=5001")
	set("home=/srv/%n", "uid=5002")
	set("uid=5002") // is so already: no event
	check("home=/srv/%n", "quota_rule=*:storage=1G", "uid=5002")
	unset("userdb_home", "gid")
	unset("gid")
	check("quota_rule=*:storage=1G", "uid=5002")
	unset()
	unset()
	check()
	page, err := w.Events(t.Context(), EventQuery{Address: alice})
	w.must(err)
	var events []string
	for _, e := range slices.Backward(page) {
		events = append(events, fmt.Sprintf("%s %s by %s", e.Kind, e.Detail, e.Actor))
	}
	if got, want := strings.Join(events[1:], "; "), "userdb-set quota_rule, uid by root; userdb-set home, uid by root; userdb-unset home by root; userdb-unset all by root"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	set("uid=5001")
	w.must(w.Delete(t.Context(), admin, alice))
	w.add(alice)
	check() // another account
}

func TestUserdbRefuses(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.must(w.SetUserdb(t.Context(), admin, alice, fields("uid=5001")))
	var many []string
	for i := range store.MaxUserdbFields {
		many = append(many, fmt.Sprintf("k%d=v", i))
	}
	for name, list := range map[string][]string{
		"root": {"gid=5000", "uid=0"}, "secret": {"password=hunter2"}, "imported secret": {"userdb_pass=hunter2"}, "key": {"A-B=x"},
		"value": {"a=b\nc"}, "variable": {"a=%x"}, "empty": {"a="}, "twice": {"a=1", "userdb_a=2"}, "many": many, "long key": {strings.Repeat("k", 65) + "=v"},
		"long value": {"k=" + strings.Repeat("v", 513)}, "large when filled in": {"k=" + strings.Repeat("%u", 250)}, "no key": {"=x"},
	} {
		err := w.SetUserdb(t.Context(), admin, alice, fields(list...))
		var told *Error
		if !errors.Is(err, ErrField) || !errors.As(err, &told) || told.Sentence == "" || strings.Contains(told.Sentence+err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
		if own := w.own(); !slices.Equal(own, fields("uid=5001")) {
			t.Errorf("%s: something changed: %v", name, own)
		}
	}
	if err := w.SetUserdb(t.Context(), admin, "nobody@example.org", fields("uid=5001")); !errors.Is(err, ErrNoAccount) {
		t.Error(err)
	}
	if err := w.UnsetUserdb(t.Context(), admin, "nobody@example.org", nil); !errors.Is(err, ErrNoAccount) {
		t.Error(err)
	}
	if _, err := w.Userdb(t.Context(), "nobody@example.org"); !errors.Is(err, ErrNoAccount) {
		t.Error(err)
	}
}

// A damaged record is not read as "no fields", nor partly replaced; the account
// itself goes on, and unsetting all mends it.
func TestDamagedUserdb(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.must(w.SetUserdb(t.Context(), admin, alice, fields("uid=5001")))
	id := w.account().ID
	w.damage(append(id[:], 'f'))
	_, err := w.Userdb(t.Context(), alice)
	for name, err := range map[string]error{
		"read": err, "set": w.SetUserdb(t.Context(), admin, alice, fields("gid=5001")), "unset": w.UnsetUserdb(t.Context(), admin, alice, []string{"uid"}),
	} {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.show()
	w.must(w.UnsetUserdb(t.Context(), admin, alice, nil))
	w.must(w.SetUserdb(t.Context(), admin, alice, fields("gid=5001")))
	if own := w.own(); !slices.Equal(own, fields("gid=5001")) {
		t.Errorf("%v", own)
	}
}
