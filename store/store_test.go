package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

var ctx = context.Background()

// t0 is when tests happen.
var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// testKeys takes *testing.T and *rapid.T alike.
func testKeys(t interface{ Fatal(...any) }) *secret.Keys {
	keys, err := secret.NewKeys([32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func openStore(t testing.TB, e kv.Engine, o Options) *Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return t0 }
	}
	s, err := Open(ctx, e, testKeys(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newStore(t testing.TB) *Store { return openStore(t, memkv.New(), Options{}) }

func update(t testing.TB, s *Store, fn func(w *Writer) error) {
	t.Helper()
	if err := s.Update(ctx, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t testing.TB, s *Store, fn func(r *Reader) error) {
	t.Helper()
	if err := s.View(ctx, fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// addAccount makes an account with n live app passwords.
func addAccount(t testing.TB, s *Store, address string, n int) *Account {
	t.Helper()
	var a *Account
	update(t, s, func(w *Writer) error {
		var err error
		if a, err = w.CreateAccount(address, "$argon2id$…"); err != nil {
			return err
		}
		for i := range n {
			id, err := NewAppPasswordID(s.rand)
			if err != nil {
				return err
			}
			tag := s.keys.AppPasswordTag(a.ID, [16]byte{byte(i)})
			a.AppPasswords = append(a.AppPasswords, AppPasswordRow{ID: id, Tag: tag, Scopes: ScopeAll, State: Live})
			p := AppPassword{ID: id, Name: fmt.Sprintf("device %d", i), Made: t0.Add(time.Duration(i) * time.Minute),
				MadeBy: "owner", Scopes: ScopeAll, State: Live}
			if err := w.PutAppPassword(a.ID, p); err != nil {
				return err
			}
		}
		return w.PutAccount(a)
	})
	return a
}

func TestAccountRecords(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 2)
	if a.ID.IsZero() || len(a.ID.String()) != 16 {
		t.Errorf("id %v", a.ID)
	}
	a.Disabled, a.Bound, a.ExemptUntil = true, t0, t0.Add(time.Hour)
	update(t, s, func(w *Writer) error { return w.PutAccount(a) })
	got, err := s.Account(ctx, "u@example.org")
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("Account = %+v, %v\nwant %+v", got, err, a)
	}
	for _, address := range []string{"", "v@example.org", "u@example.or", "u@example.org\x00", strings.Repeat("u", 500)} {
		if got, err := s.Account(ctx, address); got != nil || !errors.Is(err, ErrNoAccount) {
			t.Errorf("Account(%.20q) = %v, %v; want ErrNoAccount", address, got, err)
		}
	}
	err = s.Update(ctx, func(w *Writer) error { _, err := w.CreateAccount("u@example.org", ""); return err })
	if !errors.Is(err, ErrAccountExists) {
		t.Errorf("creating it again = %v; want ErrAccountExists", err)
	}
}

func TestAccountBounds(t *testing.T) {
	s := newStore(t)
	good := Account{Address: "u@example.org", ID: AccountID{1}}
	for name, change := range map[string]func(*Account){
		"no address":   func(a *Account) { a.Address = "" },
		"NUL":          func(a *Account) { a.Address = "u\x00@example.org" },
		"not UTF-8":    func(a *Account) { a.Address = "u\xff@example.org" },
		"long address": func(a *Account) { a.Address = strings.Repeat("u", maxAddress+1) },
		"no id":        func(a *Account) { a.ID = AccountID{} },
		"long hash":    func(a *Account) { a.MainHash = strings.Repeat("h", maxMainHash+1) },
		"many rows":    func(a *Account) { a.AppPasswords = make([]AppPasswordRow, MaxAppPasswordRows+1) },
		"row, no id":   func(a *Account) { a.AppPasswords = []AppPasswordRow{{State: Live}} },
		"row, no state": func(a *Account) {
			a.AppPasswords = []AppPasswordRow{{ID: AppPasswordID{1}}}
		},
	} {
		a := good
		change(&a)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutAccount(&a) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: PutAccount = %v; want ErrInvalidRecord", name, err)
		}
	}
	update(t, s, func(w *Writer) error { return w.PutAccount(&good) })
}

func TestMatch(t *testing.T) {
	a := &Account{AppPasswords: []AppPasswordRow{
		{ID: AppPasswordID{1}, Tag: [16]byte{1}, State: Revoked},
		{ID: AppPasswordID{2}, Tag: [16]byte{2}, State: Live},
	}}
	for tag := range byte(4) {
		row, found := a.Match([16]byte{tag})
		if found != (tag == 1 || tag == 2) || found && row.ID != (AppPasswordID{tag}) {
			t.Errorf("Match(%d) = %v, %v", tag, row.ID, found)
		}
	}
	for _, test := range []struct {
		row  AppPasswordRow
		live bool
	}{
		{AppPasswordRow{State: Live}, true},
		{AppPasswordRow{State: Live, Expires: t0.Add(time.Second)}, true},
		{AppPasswordRow{State: Live, Expires: t0}, false},
		{AppPasswordRow{State: Revoked}, false},
		{AppPasswordRow{}, false},
	} {
		if test.row.Live(t0) != test.live {
			t.Errorf("%+v: Live is not %v", test.row, test.live)
		}
	}
}

func TestAppPasswords(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 3)
	other := addAccount(t, s, "v@example.org", 1)
	p := AppPassword{ID: a.AppPasswords[1].ID, Name: "手机 📱", Made: t0.Add(time.Hour), MadeBy: "uid:1000", ByAdmin: true,
		Scopes: ScopeIMAP | ScopeSMTP, Expires: t0.Add(24 * time.Hour), Ended: t0.Add(2 * time.Hour), EndedBy: "root", State: Revoked}
	update(t, s, func(w *Writer) error { return w.PutAppPassword(a.ID, p) })
	view(t, s, func(r *Reader) error {
		got, err := r.AppPassword(a.ID, p.ID)
		if err != nil || got != p {
			t.Errorf("AppPassword = %+v, %v\nwant %+v", got, err, p)
		}
		list, err := r.AppPasswords(a.ID)
		if err != nil || len(list) != 3 || list[0].Name != "device 0" || list[1].Name != "device 2" || list[2] != p {
			t.Errorf("AppPasswords = %+v, %v", list, err)
		}
		if _, err := r.AppPassword(other.ID, p.ID); !errors.Is(err, ErrNoAppPassword) {
			t.Errorf("another account's app password: %v", err)
		}
		return nil
	})
	for name, bad := range map[string]AppPassword{
		"no id":    {State: Live},
		"no state": {ID: p.ID},
		"long":     {ID: p.ID, State: Live, Name: strings.Repeat("n", maxText+1)},
		"no UTF-8": {ID: p.ID, State: Live, Name: "\xff"},
	} {
		if err := s.Update(ctx, func(w *Writer) error { return w.PutAppPassword(a.ID, bad) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
	}
	update(t, s, func(w *Writer) error { return w.DeleteAppPassword(a.ID, p.ID) })
	view(t, s, func(r *Reader) error {
		if list, _ := r.AppPasswords(a.ID); len(list) != 2 {
			t.Errorf("%d app passwords left, not 2", len(list))
		}
		return nil
	})
}

func TestException(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 0)
	x := Exception{Until: t0.Add(time.Hour), Reason: "broken phone", By: "helpdesk:alice", Made: t0}
	update(t, s, func(w *Writer) error { return w.PutException(a.ID, x) })
	view(t, s, func(r *Reader) error {
		if got, err := r.Exception(a.ID); err != nil || got != x {
			t.Errorf("Exception = %+v, %v", got, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error { return w.DeleteException(a.ID) })
	update(t, s, func(w *Writer) error { return w.DeleteException(a.ID) })
	view(t, s, func(r *Reader) error {
		if _, err := r.Exception(a.ID); !errors.Is(err, ErrNoException) {
			t.Errorf("after DeleteException: %v", err)
		}
		return nil
	})
}

func TestDeleteAccountLeavesNothing(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	keep := addAccount(t, s, "keep@example.org", 1)
	before := countKeys(t, e)
	a := addAccount(t, s, "u@example.org", 3)
	update(t, s, func(w *Writer) error {
		return errors.Join(
			w.PutPhone(a.ID, Phone{Number: "+8613812345678", Bound: t0}),
			w.PutException(a.ID, Exception{Until: t0, Made: t0}))
	})
	use := Use{Address: a.Address, AccountID: a.ID, Credential: MainCredential(a.ID), LastUse: LastUse{Time: t0}}
	if err := s.WriteMerged(ctx, nil, []Use{use}); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(w *Writer) error { return w.DeleteAccount(a) })
	if got := countKeys(t, e); got != before {
		t.Errorf("%d keys are left, not %d", got, before)
	}
	if err := s.Update(ctx, func(w *Writer) error { return w.DeleteAccount(a) }); !errors.Is(err, ErrNoAccount) {
		t.Errorf("deleting again = %v", err)
	}
	// A stamp that comes late must not outlive its account, nor reach the next.
	again := addAccount(t, s, "u@example.org", 0)
	if err := s.WriteMerged(ctx, nil, []Use{use}); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(ctx, func(w *Writer) error { return w.DeleteAccount(a) }); !errors.Is(err, ErrNoAccount) {
		t.Errorf("deleting by a former id = %v", err)
	}
	view(t, s, func(r *Reader) error {
		uses, err := r.LastUses(again.ID)
		old, err2 := r.LastUses(a.ID)
		if len(uses) != 0 || len(old) != 0 || err != nil || err2 != nil {
			t.Errorf("the new account inherits %v, %v", uses, old)
		}
		if _, err := r.AppPasswords(keep.ID); err != nil {
			t.Error(err)
		}
		return nil
	})
}

func countKeys(t testing.TB, e kv.Engine) int {
	t.Helper()
	n := 0
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(_, _ []byte) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAccountsPages(t *testing.T) {
	s := newStore(t)
	for i := range 25 {
		addAccount(t, s, fmt.Sprintf("u%02d@example.org", i), 0)
	}
	var got []string
	after := ""
	for {
		var page []*Account
		view(t, s, func(r *Reader) error {
			var err error
			page, err = r.Accounts(after, 10)
			return err
		})
		if len(page) == 0 {
			break
		}
		for _, a := range page {
			got = append(got, a.Address)
		}
		after = page[len(page)-1].Address
	}
	if len(got) != 25 || got[0] != "u00@example.org" || got[10] != "u10@example.org" || got[24] != "u24@example.org" {
		t.Errorf("pages hold %v", got)
	}
}

func TestLastUses(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 1)
	credential := a.AppPasswords[0].ID.String()
	want := map[string]LastUse{
		credential:           {Time: t0, Addr: netip.MustParseAddr("192.0.2.1"), Service: "imap"},
		MainCredential(a.ID): {Time: t0.Add(time.Minute), Addr: netip.MustParseAddr("2001:db8::1"), Service: "smtp"},
	}
	var uses []Use
	for c, u := range want {
		uses = append(uses, Use{Address: a.Address, AccountID: a.ID, Credential: c, LastUse: u})
	}
	uses = append(uses, Use{Address: a.Address, AccountID: a.ID, Credential: AppPasswordID{9}.String(), LastUse: LastUse{Time: t0}},
		Use{Address: a.Address, AccountID: AccountID{9}, Credential: credential, LastUse: LastUse{Time: t0.Add(time.Hour)}},
		Use{Address: "none@example.org", AccountID: a.ID, Credential: credential, LastUse: LastUse{Time: t0}})
	if err := s.WriteMerged(ctx, nil, uses); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(r *Reader) error {
		if got, err := r.LastUses(a.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("LastUses = %v, %v\nwant %v", got, err, want)
		}
		return nil
	})
}

func boltEngine(t testing.TB, o boltkv.Options) (*boltkv.Engine, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "latchkey.db")
	e, err := boltkv.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, path
}

func BenchmarkAccount(b *testing.B) {
	e, _ := boltEngine(b, boltkv.Options{NoSync: true})
	s := openStore(b, e, Options{})
	addresses := make([]string, 1000)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("user%04d@example.org", i)
		addAccount(b, s, addresses[i], 3)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if _, err := s.Account(ctx, addresses[i*7919%len(addresses)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccountParallel(b *testing.B) {
	e, _ := boltEngine(b, boltkv.Options{NoSync: true})
	s := openStore(b, e, Options{})
	addAccount(b, s, "u@example.org", 3)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Account(ctx, "u@example.org"); err != nil {
				b.Error(err)
			}
		}
	})
}
