package accounts

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	ssha   = "{SSHA}DlBYl7klN1LzhdXjkWufTm4BCfInQod1"
	sha512 = "$6$a$tfB3Q3ch.rczBpG300L6UUuDGNWAQY8ay1oS7/tlOERQNjw6gQiRXgq/tcAbupZCg4INRnHYnlqzgNQ0cyCE4."
)

func portable(address, password string, userdb ...string) Portable {
	p := Portable{Address: address, Password: secret.New(password)}
	for i := 0; i+1 < len(userdb); i += 2 {
		p.Userdb = append(p.Userdb, store.UserdbField{Key: userdb[i], Value: userdb[i+1]})
	}
	return p
}

func (w *world) importing(in Import) Imported {
	w.t.Helper()
	done, err := w.Import(w.t.Context(), admin, in)
	w.must(err)
	return done
}

// all is every account of the store as it would be exported with its secrets.
func (w *world) all() map[string]Portable {
	w.t.Helper()
	page, err := w.Export(w.t.Context(), admin, "", true)
	w.must(err)
	all := make(map[string]Portable)
	for _, p := range page.Accounts {
		all[p.Address] = p
	}
	return all
}

func TestImport(t *testing.T) {
	w := newWorld(t)
	w.cfg.Auth.DefaultDomain = "example.org"
	full := portable("Bob", "{SHA512-CRYPT}"+sha512, "uid", "1000", "home", "/h/%n", "gid", "7")
	full.Phone, full.Disabled = "138 1234 5678", true
	rows := []Portable{portable(alice, ssha), full, portable("carol@example.org", "{PLAIN}short"), portable("dave@example.org", "")}

	dry := w.importing(Import{Rows: rows, DryRun: true})
	if want := (Imported{Added: 4, Hashed: 1}); !reflect.DeepEqual(dry, want) {
		t.Errorf("dry run: %+v, want %+v", dry, want)
	}
	if n := len(w.all()); n != 0 {
		t.Fatalf("a dry run added %d accounts", n)
	}
	if got, want := w.importing(Import{Rows: rows}), (Imported{Added: 4, Hashed: 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	all := w.all()
	for address, hash := range map[string]string{alice: ssha, "bob@example.org": sha512, "carol@example.org": hashOf("short"), "dave@example.org": ""} {
		if got := all[address].Password.Reveal(); got != hash {
			t.Errorf("%s is kept with %q, want %q", address, got, hash)
		}
	}
	bob := all["bob@example.org"]
	fields := []store.UserdbField{{Key: "gid", Value: "7"}, {Key: "home", Value: "/h/%n"}, {Key: "uid", Value: "1000"}}
	if !bob.Disabled || bob.Phone != "+8613812345678" || !reflect.DeepEqual(bob.Userdb, fields) {
		t.Errorf("bob is %+v", bob)
	}
	if got := w.kinds(); got != "account-added" {
		t.Errorf("alice's events: %s", got)
	}

	// Again: what is there stays as it is, whatever the file says now.
	rows[0] = portable(alice, sha512)
	if got, want := w.importing(Import{Rows: append(rows, portable("eve@example.org", ssha), portable("EVE@example.org", ssha))}), (Imported{Added: 1, Existing: 5}); !reflect.DeepEqual(got, want) {
		t.Errorf("again: %+v, want %+v", got, want)
	}
	if w.account().MainHash != ssha || w.kinds() != "account-added" {
		t.Error("an account that was there was changed")
	}
}

func TestImportRefuses(t *testing.T) {
	w := newWorld(t)
	phone := portable(alice, "")
	phone.Phone = "010 6255 2288"
	for _, test := range []struct {
		p    Portable
		want string
	}{
		{portable("alice", ssha), "this cannot be the address"},
		{portable("a b@example.org", ssha), "this cannot be the address"},
		{portable("", ssha), "this cannot be the address"},
		{portable(alice, "hunter2"), "scheme that is not known"},
		{portable(alice, "{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29"), "scheme that is not known"},
		{portable(alice, "{SSHA}x"), "malformed"},
		{portable(alice, "{SSHA"), "malformed"},
		{portable(alice, "$2y$31$muzYV8d0.79oJSu2pahH4uMxaF71l.21RnMULhLh1P7Fw2pHyhAn6"), "too costly"},
		{portable(alice, "!"), "locked"},
		{portable(alice, "*"), "locked"},
		{portable(alice, "{CRYPT}!"+sha512), "locked"},
		{portable(alice, "{CRYPT}*"), "locked"},
		{portable(alice, "{crypt}!!"), "locked"},
		{portable(alice, "{CRYPT}*LK*"), "locked"},
		{portable(alice, "*NP*"), "locked"},
		{portable(alice, "{CRYPT}*LOCKED*"+sha512), "locked"},
		{portable(alice, "{CRYPT}x"), "not here"},
		{portable(alice, "{CRYPT}xy"), "scheme that is not known"},
		{portable(alice, "{PLAIN}"), "empty"},
		{portable(alice, "{PLAIN}"+strings.Repeat("x", MaxPassword+1)), "longer than 1024"},
		{portable(alice, "{PLAIN.HEX}ff"), "not text"},
		{portable(alice, ssha, "uid", "0"), "must not be 0"},
		{portable(alice, ssha, "uid", "vmail"), "wants a number"},
		{portable(alice, ssha, "home", "~/x"), "absolute path"},
		{portable(alice, ssha, "mail", "%{user}"), "unknown variable"},
		{portable(alice, ssha, "x", ""), "has no value"},
		{portable(alice, ssha, "x", "1", "x", "2"), "given twice"},
		{portable(alice, ssha, "x", strings.Repeat("y", 5000)), "too long"},
		{phone, "not the number of a mobile phone"},
	} {
		got := w.importing(Import{Rows: []Portable{portable("good@example.org", ssha), test.p}})
		if len(got.Refused) != 1 || got.Refused[0].Row != 1 || !strings.Contains(got.Refused[0].Cause, test.want) || got.Added != 0 {
			t.Errorf("%s: %+v, want %q", test.p.Address, got, test.want)
			continue
		}
		if hash := test.p.Password.Reveal(); len(hash) > 1 && strings.Contains(got.Refused[0].Cause, hash) || strings.Contains(got.Refused[0].Cause, "vmail") {
			t.Errorf("the cause repeats what was there: %s", got.Refused[0].Cause)
		}
	}
	if n := len(w.all()); n != 0 {
		t.Fatalf("%d accounts of pages with refused rows were added", n)
	}
	got := w.importing(Import{Rows: []Portable{portable("alice", ssha), portable("good@example.org", ssha)}, SkipBad: true})
	if len(got.Refused) != 1 || got.Added != 1 || len(w.all()) != 1 {
		t.Errorf("%+v", got)
	}
	clear := make([]Portable, MaxCleartext+1)
	for i := range clear {
		clear[i] = portable(fmt.Sprintf("u%d@example.org", i), "{PLAIN}x")
	}
	if _, err := w.Import(t.Context(), admin, Import{Rows: clear}); !errors.Is(err, ErrTooMany) {
		t.Errorf("%d in the clear: %v", len(clear), err)
	}
}

// TestImportBesideDamage refuses the address whose record cannot be read, and none
// else: it may be an account.
func TestImportBesideDamage(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.add("aaron@example.org")
	w.add("amy@example.org") // who is missing beside a damaged record may be that one
	w.must(w.engine.Update(t.Context(), func(k kv.Writer) error { return k.Put([]byte("a"+alice), []byte("broken record")) }))
	rows := []Portable{portable(alice, ssha), portable("bob@example.org", ssha)}
	got := w.importing(Import{Rows: rows, SkipBad: true})
	if len(got.Refused) != 1 || got.Refused[0].Row != 0 || !strings.Contains(got.Refused[0].Cause, "damaged") || got.Added != 1 {
		t.Errorf("%+v", got)
	}
	page, err := w.Export(t.Context(), admin, "", false)
	w.must(err)
	if len(page.Accounts) != 3 || len(page.Damaged) != 1 {
		t.Errorf("exported %+v", page)
	}
}

// TestExport shows secrets only where they are asked for, and then leaves an event;
// what it gives is what another system needs to have the same accounts.
func TestExport(t *testing.T) {
	w := newWorld(t)
	full := portable("bob@example.org", ssha, "gid", "7", "home", "/h/%n", "uid", "1000")
	full.Phone, full.Disabled = "+8613812345678", true
	full.Aliases = []string{"Robert@Example.net", "b@example.org"}
	w.importing(Import{Rows: []Portable{full, portable(alice, "")}})
	exports := func() int {
		t.Helper()
		events, err := w.Events(t.Context(), EventQuery{})
		w.must(err)
		n := 0
		for _, e := range events {
			if e.Kind == store.EventAccountsExported && e.Actor == admin {
				n++
			}
		}
		return n
	}
	page, err := w.Export(t.Context(), admin, "", false)
	w.must(err)
	if exports() != 0 {
		t.Error("an event of an export without secrets")
	}
	for _, p := range page.Accounts {
		if !p.Password.IsZero() || p.Phone != "" {
			t.Errorf("exported without being asked: %s", p.Address)
		}
		if names := strings.Join(p.Aliases, " "); p.Address != alice && names != "b@example.org robert@example.net" {
			t.Errorf("%s has the aliases %q", p.Address, names)
		}
	}
	before := w.all()
	if exports() != 1 {
		t.Error("no event of an export with secrets")
	}
	if after, err := w.Export(t.Context(), admin, alice, true); err != nil || len(after.Accounts) != 1 || after.Accounts[0].Address != "bob@example.org" || exports() != 1 {
		t.Errorf("the page behind alice: %v, %v", after, err)
	}

	other := newWorld(t)
	var rows []Portable
	for _, p := range before {
		rows = append(rows, p)
	}
	other.importing(Import{Rows: rows})
	for address, p := range other.all() {
		was := before[address]
		if p.Password.Reveal() != was.Password.Reveal() || p.Phone != was.Phone || p.Disabled != was.Disabled || !reflect.DeepEqual(p.Userdb, was.Userdb) ||
			!reflect.DeepEqual(p.Aliases, was.Aliases) {
			t.Errorf("%s came as %+v, and was %+v", address, p, was)
		}
	}
}

func TestSchemes(t *testing.T) {
	w := newWorld(t)
	w.importing(Import{Rows: []Portable{portable(alice, ""), portable("b@example.org", ssha), portable("c@example.org", ssha), portable("d@example.org", sha512),
		portable("e@example.org", "$argon2id$v=19$m=65536,t=3,p=1$yS7kP3Au1o5lkkwOTATdiQ$hNRECLsNT3nqxo8he6WLodDTZ65qBzvHaSddc9mkk50"),
		portable("f@example.org", "$argon2id$v=19$m=64,t=1,p=1$yS7kP3Au1o5lkkwOTATdiQ$hNRECLsNT3nqxo8he6WLodDTZ65qBzvHaSddc9mkk50")}})
	page, err := w.Schemes(t.Context(), "", "ssha")
	w.must(err)
	want := SchemePage{Schemes: map[string]int{"none": 1, "ssha": 2, "sha512-crypt": 1, "argon2id": 1, "argon2id-cheaper": 1}, Addresses: []string{"b@example.org", "c@example.org"}}
	if !reflect.DeepEqual(page, want) {
		t.Errorf("%+v, want %+v", page, want)
	}
	if page, err = w.Schemes(t.Context(), "d@example.org", ""); err != nil || len(page.Schemes) != 2 {
		t.Errorf("behind d: %+v, %v", page, err)
	}
}

// TestImportAlias refuses an address that is another account's alias.
func TestImportAlias(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.must(w.AddAlias(t.Context(), admin, alice, "bob@example.org"))
	got := w.importing(Import{Rows: []Portable{portable("bob@example.org", ssha), portable("carol@example.org", ssha)}, SkipBad: true})
	if len(got.Refused) != 1 || got.Refused[0].Row != 0 || !strings.Contains(got.Refused[0].Cause, "alias of "+alice) || got.Added != 1 || got.Existing != 0 {
		t.Errorf("%+v", got)
	}
}

// TestImportAliases: a row whose aliases are not free is refused whole, and one that
// is there already is left alone, whatever aliases it brings.
func TestImportAliases(t *testing.T) {
	w := newWorld(t)
	w.cfg.Auth.DefaultDomain = "example.org"
	w.add(alice)
	w.must(w.AddAlias(t.Context(), admin, alice, "al@example.org"))
	row := func(address string, aliases ...string) Portable {
		p := portable(address, ssha)
		p.Aliases = aliases
		return p
	}
	many := make([]string, store.MaxAliases+1)
	for i := range many {
		many[i] = fmt.Sprint("x", i)
	}
	got := w.importing(Import{SkipBad: true, Rows: []Portable{
		row("bob", "Robert", "b@example.net"), row("c1", "robert"), row("c2", "bob"), row("c3", alice), row("c4", "al"), row("c5", "c5"),
		row("c6", "d", "D@example.org"), row("c7", "no such@name"), row("c8", many...), row("bob", "other"), row(alice, "al"), row("robert"),
	}})
	want := []string{"is an alias of bob@", "", "address of an account", "is an alias of " + alice, "own address", "twice", "cannot be an alias", "more than 100", "is an alias of bob@"}
	refused := map[int]string{}
	for _, r := range got.Refused {
		refused[r.Row] = r.Cause
	}
	for i, row := range []int{1, 2, 3, 4, 5, 6, 7, 8, 11} {
		if cause, found := refused[row]; !found || !strings.Contains(cause, want[i]) {
			t.Errorf("row %d: %q, want %q", row, cause, want[i])
		}
	}
	if got.Added != 1 || got.Existing != 2 || len(refused) != 9 {
		t.Errorf("%+v", got)
	}
	for address, want := range map[string]string{"bob@example.org": "b@example.net robert@example.org", alice: "al@example.org"} {
		if names := strings.Join(w.all()[address].Aliases, " "); names != want {
			t.Errorf("%s has %q, want %q", address, names, want)
		}
	}
	if account, err := w.Store.Account(t.Context(), "b@example.net"); err != nil || account.Address != "bob@example.org" {
		t.Errorf("b@example.net leads to %+v, %v", account, err)
	}
}
