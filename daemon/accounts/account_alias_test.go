package accounts

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func TestAliases(t *testing.T) {
	w := newWorld(t)
	w.cfg.Auth.DefaultDomain = "example.org"
	w.add(alice)
	w.add(bob)
	w.must(w.AddAlias(t.Context(), admin, alice, "A.Liddell"))
	w.must(w.AddAlias(t.Context(), admin, "Alice", "alice@example.net"))
	w.must(w.AddAlias(t.Context(), admin, alice, "a.liddell@example.org")) // it has it
	for typed, want := range map[string]error{
		alice: ErrExists, bob: ErrExists, "alice@example.net": ErrExists, // another's
		"a b": ErrAddress, "@example.org": ErrAddress, "a@b@c": ErrAddress, "-x": ErrAddress,
	} {
		w.told(w.AddAlias(t.Context(), admin, bob, typed), want)
	}
	_, err := w.Add(t.Context(), admin, "a.liddell", secret.New(good))
	if told := w.told(err, ErrExists); told.Sentence != "this address is an alias of alice@example.org" {
		t.Errorf("%+v", told)
	}
	list, err := w.ListAliases(t.Context(), alice)
	w.must(err)
	if want := []store.Alias{{Name: "a.liddell@example.org", Made: w.now, By: admin}, {Name: "alice@example.net", Made: w.now, By: admin}}; !reflect.DeepEqual(list, want) {
		t.Errorf("%+v", list)
	}
	names := []string{"a.liddell@example.org", "alice@example.net"}
	if shown := w.show(); !slices.Equal(shown.Aliases, names) {
		t.Errorf("shown: %+v", shown)
	}
	page, err := w.List(t.Context(), "", 0, "")
	w.must(err)
	if !slices.Equal(page.Accounts[0].Aliases, names) || len(page.Accounts[1].Aliases) != 0 {
		t.Errorf("listed: %+v", page)
	}
	w.told(w.RemoveAlias(t.Context(), admin, bob, "alice@example.net"), ErrNoAlias)
	w.told(w.RemoveAlias(t.Context(), admin, alice, "a@b@c"), ErrNoAlias)
	w.must(w.RemoveAlias(t.Context(), admin, alice, "Alice@example.net"))
	if got := w.kinds(); got != "account-added alias-added alias-added alias-removed" {
		t.Errorf("events: %s", got)
	}
	events, err := w.Events(t.Context(), EventQuery{Address: alice, Limit: 1})
	w.must(err)
	if e := events[0]; e.Actor != admin || e.Detail != "alice@example.net" {
		t.Errorf("%+v", e)
	}
}

// TestAliasIsNoAddress: whoever asks about an account, or changes one, has to say
// which; of an alias is told whose it is.
func TestAliasIsNoAddress(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	const name = "a.liddell@example.org"
	w.must(w.AddAlias(t.Context(), admin, alice, name))
	_, shown := w.Show(t.Context(), name)
	_, set := w.SetPassword(t.Context(), admin, name, secret.New("another horse"), false)
	_, stands := w.TwoStep(t.Context(), name)
	_, list := w.ListAliases(t.Context(), name)
	_, fields := w.Userdb(t.Context(), name)
	for _, err := range []error{shown, set, stands, list, fields, w.UnsetUserdb(t.Context(), admin, name, nil), w.Delete(t.Context(), admin, name), w.AddAlias(t.Context(), admin, name, "b@example.org")} {
		if told := w.told(err, ErrNoAccount); told.Hint != "it is an alias of "+alice {
			t.Errorf("%+v", told)
		}
	}
	if got := w.kinds(); got != "account-added alias-added" {
		t.Errorf("events: %s", got)
	}
}

func TestDeleteTakesAliases(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.must(w.AddAlias(t.Context(), admin, alice, "a.liddell@example.org"))
	w.must(w.Delete(t.Context(), admin, alice))
	w.add(alice)
	if shown := w.show(); len(shown.Aliases) != 0 {
		t.Errorf("the new account inherited %q", shown.Aliases)
	}
	w.add("a.liddell@example.org") // free again
}

func TestAliasLimit(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	for i := range store.MaxAliases {
		w.must(w.AddAlias(t.Context(), admin, alice, fmt.Sprintf("a%d@example.org", i)))
	}
	w.told(w.AddAlias(t.Context(), admin, alice, "more@example.org"), ErrTooManyAliases)
	w.must(w.RemoveAlias(t.Context(), admin, alice, "a7@example.org"))
	w.must(w.AddAlias(t.Context(), admin, alice, "more@example.org"))
}
