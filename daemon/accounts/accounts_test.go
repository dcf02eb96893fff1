package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	alice = "alice@example.org"
	admin = store.Actor("root")
	good  = "correct horse"
)

// world is a service over an engine in memory, with a clock that a test moves.
type world struct {
	*Service
	t   testing.TB
	now time.Time
	cfg *config.Config

	engine kv.Engine
	phone  phones   // what was sent to them
	cuts   []string // "<address> <credentials>" for each call of Cut
	given  string   // by the helpdesk
}

func newWorld(t testing.TB) *world {
	keys, err := secret.NewKeys([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC), cfg: config.Default(), engine: memkv.New()}
	w.cfg.TwoStep.Timezone = "UTC"
	clock := func() time.Time { return w.now }
	st, err := store.Open(t.Context(), w.engine, keys, store.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w.Service = &Service{
		Store: st, Keys: keys, Now: clock, Rand: rand.Reader,
		Config: func() *config.Config { return w.cfg },
		Hash:   func(_ context.Context, p secret.Secret) (string, error) { return hashOf(p.Reveal()), nil },
		Sender: func() sms.Sender { return &w.phone },
		Seen:   func(u store.Use) { w.must(st.WriteMerged(context.Background(), nil, []store.Use{u})) },
		Cut: func(address string, credentials []string) {
			w.cuts = append(w.cuts, address+" "+strings.Join(credentials, " "))
		},
	}
	return w
}

// hashOf stands in for the slow hash.
func hashOf(password string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(password))) }

// must ends the test unless err is nil.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) add(address string) {
	w.t.Helper()
	_, err := w.Add(w.t.Context(), admin, address, secret.New(good))
	w.must(err)
}

func (w *world) appPassword(name string, byAdmin bool, expires time.Time) (store.AppPasswordID, [16]byte) {
	w.t.Helper()
	p, letters, err := w.AddAppPassword(w.t.Context(), admin, alice, NewAppPassword{Name: name, ByAdmin: byAdmin, Expires: expires})
	w.must(err)
	return p.ID, letters
}

func (w *world) account() *store.Account {
	w.t.Helper()
	a, err := w.Store.Account(w.t.Context(), alice)
	w.must(err)
	return a
}

func (w *world) show() *Account {
	w.t.Helper()
	shown, err := w.Show(w.t.Context(), alice)
	w.must(err)
	return shown
}

// kinds lists the events of alice, oldest first.
func (w *world) kinds() string {
	w.t.Helper()
	page, err := w.Events(w.t.Context(), EventQuery{Address: alice})
	w.must(err)
	var kinds []string
	for _, e := range page {
		if e.Actor == "" && e.Kind != store.EventAppPasswordExpired && e.Kind != store.EventLogin {
			w.t.Errorf("event %s does not say who did it", e.Kind)
		}
		kinds = append([]string{string(e.Kind)}, kinds...)
	}
	return strings.Join(kinds, " ")
}

func TestAdd(t *testing.T) {
	w := newWorld(t)
	w.cfg.Auth.DefaultDomain = "example.org"
	shown, err := w.Add(t.Context(), admin, "Alice", secret.New(good))
	w.must(err)
	if shown.Address != alice || shown.MainPassword != MainOpens || shown.ID.IsZero() {
		t.Errorf("%+v", shown)
	}
	if got := w.account().MainHash; got != hashOf(good) {
		t.Errorf("hash = %q", got)
	}
	if _, err := w.Add(t.Context(), admin, alice, secret.New(good)); !errors.Is(err, ErrExists) {
		t.Errorf("second time: %v", err)
	}
	none, err := w.Add(t.Context(), admin, "bob@example.org", secret.Secret{})
	w.must(err)
	if none.MainPassword != MainNone {
		t.Errorf("bob: %+v", none)
	}
	if got := w.kinds(); got != "account-added" {
		t.Errorf("events: %s", got)
	}
}

func TestAddRefusesAddresses(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{"", "alice", "a@b@c.org", ".a@example.org", "a..b@example.org", "a%n@example.org", "a/b@example.org", "a b@example.org", "é@example.org", "a@"} {
		if _, err := w.Add(t.Context(), admin, address, secret.New(good)); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	for _, tt := range []struct {
		password string
		want     error
	}{
		{"", ErrPassword},
		{"seven77", ErrPassword},
		{"日本語", ErrPassword},
		{"日本語日本語日本", nil},
		{strings.Repeat("x", 1024), nil},
		{strings.Repeat("x", 1025), ErrPassword},
		{"eight\x00888", ErrPassword},
		{"eight\xff888", ErrPassword},
		{"abcdefghjkmnpqrs", ErrLooksLikeAppPassword},
		{"ABCD efgh-jkmn\u3000pqrs", ErrLooksLikeAppPassword},
		{"abcdefghijkmnpqr", nil}, // i is no letter of app passwords
		{"abcdefghjkmnpqrs7", nil},
	} {
		_, err := w.SetPassword(t.Context(), admin, alice, secret.New(tt.password), false)
		if !errors.Is(err, tt.want) {
			t.Errorf("%q: %v, want %v", tt.password, err, tt.want)
		}
		var told *Error
		if errors.As(err, &told) && tt.password != "" && strings.Contains(told.Error()+told.Sentence+told.Hint, tt.password) {
			t.Errorf("the error shows the password: %v", told)
		}
		if err == nil && w.account().MainHash != hashOf(tt.password) {
			t.Errorf("%q was not set", tt.password)
		}
	}
	if _, err := w.SetPassword(t.Context(), admin, "nobody@example.org", secret.New(good), false); !errors.Is(err, ErrNoAccount) {
		t.Errorf("no account: %v", err)
	}
}

func TestAppPasswordRules(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	for _, name := range []string{"", "  ", strings.Repeat("n", 65), "a\nb", "a\x1b[31mb", "a\u202eb", "a\u200bb", "a\u2028b", "a\xff"} {
		if _, _, err := w.AddAppPassword(t.Context(), admin, alice, NewAppPassword{Name: name}); !errors.Is(err, ErrName) {
			t.Errorf("name %+q: %v", name, err)
		}
	}
	for _, expires := range []time.Time{w.now, w.now.Add(-time.Hour), w.now.AddDate(51, 0, 0)} {
		if _, _, err := w.AddAppPassword(t.Context(), admin, alice, NewAppPassword{Name: "n", Expires: expires}); !errors.Is(err, ErrExpires) {
			t.Errorf("expires %s: %v", expires, err)
		}
	}
	p, letters, err := w.AddAppPassword(t.Context(), admin, alice, NewAppPassword{Name: "  李雷的 手机 📱 ", Scopes: store.ScopeIMAP})
	w.must(err)
	if p.Name != "李雷的 手机 📱" || p.State != store.Live || p.Scopes != store.ScopeIMAP || p.MadeBy != admin {
		t.Errorf("%+v", p)
	}
	a := w.account()
	row, found := a.Match(w.Keys.AppPasswordTag(a.ID, letters))
	if !found || row.ID != p.ID || row.Scopes != store.ScopeIMAP || !row.Live(w.now) {
		t.Errorf("the letters do not open the account: %+v, %v", row, found)
	}
}

func TestAppPasswordLimit(t *testing.T) {
	w := newWorld(t)
	w.cfg.AppPasswords.Max = 3
	w.add(alice)
	first, _ := w.appPassword("1", true, time.Time{})
	w.appPassword("2", true, w.now.Add(time.Hour))
	w.appPassword("3", true, time.Time{})
	one := NewAppPassword{Name: "more"}
	if _, _, err := w.AddAppPassword(t.Context(), admin, alice, one); !errors.Is(err, ErrTooMany) {
		t.Errorf("fourth: %v", err)
	}
	w.now = w.now.Add(time.Hour) // the second expires and makes room
	if _, _, err := w.AddAppPassword(t.Context(), admin, alice, one); err != nil {
		t.Errorf("after one expired: %v", err)
	}
	if _, _, err := w.AddAppPassword(t.Context(), admin, alice, one); !errors.Is(err, ErrTooMany) {
		t.Errorf("full again: %v", err)
	}
	_, err := w.RevokeAppPassword(t.Context(), admin, alice, first)
	w.must(err)
	if _, _, err := w.AddAppPassword(t.Context(), admin, alice, one); err != nil {
		t.Errorf("after one was revoked: %v", err)
	}
	want := "account-added app-password-made app-password-made app-password-made " +
		"app-password-expired app-password-made app-password-revoked app-password-made"
	if got := w.kinds(); got != want {
		t.Errorf("events: %s", got)
	}
}

func TestHeadstonesAreBounded(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	var ids []store.AppPasswordID
	for range MaxHeadstones + 5 {
		id, _ := w.appPassword("n", true, time.Time{})
		_, err := w.RevokeAppPassword(t.Context(), admin, alice, id)
		w.must(err)
		ids = append(ids, id)
	}
	live, _ := w.appPassword("live", true, time.Time{})
	shown := w.show().AppPasswords
	if len(shown) != MaxHeadstones+1 || shown[0].ID != ids[5] || shown[MaxHeadstones].ID != live {
		t.Errorf("%d rows, first %s", len(shown), shown[0].ID)
	}
	a := w.account()
	w.must(w.Store.View(t.Context(), func(r *store.Reader) error {
		cold, err := r.AppPasswords(a.ID)
		if len(cold) != MaxHeadstones+1 {
			t.Errorf("%d descriptions are kept", len(cold))
		}
		return err
	}))
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	id, letters := w.appPassword("phone", true, time.Time{})
	w.now = w.now.Add(time.Minute)
	p, err := w.RevokeAppPassword(t.Context(), "root", alice, id)
	w.must(err)
	if p.State != store.Revoked || !p.Ended.Equal(w.now) || p.EndedBy != "root" {
		t.Errorf("%+v", p)
	}
	a := w.account()
	if row, found := a.Match(w.Keys.AppPasswordTag(a.ID, letters)); !found || row.Live(w.now) {
		t.Errorf("the headstone is not recognised, or lives: %+v, %v", row, found)
	}
	w.now = w.now.Add(time.Minute)
	again, err := w.RevokeAppPassword(t.Context(), "uid:7", alice, id)
	w.must(err)
	if again.EndedBy != "root" || !again.Ended.Equal(p.Ended) {
		t.Errorf("revoked twice, the second time counts: %+v", again)
	}
	if got := w.kinds(); got != "account-added app-password-made app-password-revoked" {
		t.Errorf("events: %s", got)
	}
	if _, err := w.RevokeAppPassword(t.Context(), admin, alice, store.AppPasswordID{9}); !errors.Is(err, ErrNoAppPassword) {
		t.Errorf("unknown id: %v", err)
	}
}

func TestDeleteLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	old := w.account()
	_, letters := w.appPassword("phone", true, time.Time{})
	_, err := w.BindPhone(t.Context(), admin, alice, "13812345678")
	w.must(err)
	w.must(w.Delete(t.Context(), admin, alice))
	if _, err := w.Show(t.Context(), alice); !errors.Is(err, ErrNoAccount) {
		t.Errorf("after: %v", err)
	}
	if err := w.Delete(t.Context(), admin, alice); !errors.Is(err, ErrNoAccount) {
		t.Errorf("twice: %v", err)
	}
	w.add(alice)
	a := w.account()
	if _, found := a.Match(w.Keys.AppPasswordTag(a.ID, letters)); found || a.ID == old.ID || !a.Bound.IsZero() {
		t.Error("the new account inherited something")
	}
	if got := w.kinds(); got != "account-added app-password-made phone-bound account-deleted account-added" {
		t.Errorf("events: %s", got)
	}
}

func TestExempt(t *testing.T) {
	w := newWorld(t)
	w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 11, Day: 1}
	w.add(alice)
	if got := w.show().MainPassword; got != MainEnforced {
		t.Errorf("before: %s", got)
	}
	if err := w.Exempt(t.Context(), admin, alice, w.now, "late"); !errors.Is(err, ErrExpires) {
		t.Errorf("in the past: %v", err)
	}
	if err := w.Exempt(t.Context(), admin, alice, w.now.Add(time.Hour), " \t"); !errors.Is(err, ErrReason) {
		t.Errorf("no reason: %v", err)
	}
	until := w.now.Add(24 * time.Hour)
	w.must(w.Exempt(t.Context(), admin, alice, until, "waits for a phone"))
	shown := w.show()
	if shown.MainPassword != MainOpens || !shown.ExemptUntil.Equal(until) || shown.Exception.Reason != "waits for a phone" || shown.Exception.By != admin {
		t.Errorf("%+v", shown)
	}
	w.must(w.Unexempt(t.Context(), admin, alice))
	w.must(w.Unexempt(t.Context(), admin, alice)) // nothing to do, no event
	if shown := w.show(); shown.MainPassword != MainEnforced || shown.Exception != nil || !shown.ExemptUntil.IsZero() {
		t.Errorf("%+v", shown)
	}
	w.must(w.Exempt(t.Context(), admin, alice, until, "again"))
	w.now = until
	if shown := w.show(); shown.MainPassword != MainEnforced || !shown.ExemptUntil.IsZero() {
		t.Errorf("an exception outlives its date: %+v", shown)
	}
	if got := w.kinds(); got != "account-added exception-set exception-ended exception-set" {
		t.Errorf("events: %s", got)
	}
}

func TestShowExpiredBeforeItsHeadstone(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	ends := w.now.Add(time.Hour)
	w.appPassword("short", true, ends)
	w.now = ends
	p := w.show().AppPasswords[0]
	if p.State != store.Expired || !p.Ended.Equal(ends) || w.show().Live != 0 {
		t.Errorf("%+v", p)
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"c", "a", "b"} {
		w.add(name + "@example.org")
	}
	first, err := w.List(t.Context(), "", 2, "")
	w.must(err)
	rest, err := w.List(t.Context(), first.Next, 2, "")
	w.must(err)
	if len(first.Accounts) != 2 || len(rest.Accounts) != 1 || rest.Next != "" || first.Accounts[0].Address != "a@example.org" || rest.Accounts[0].Address != "c@example.org" {
		t.Errorf("%+v, %+v", first, rest)
	}
	// A search goes over as many accounts in a page, whoever is on it.
	first, err = w.List(t.Context(), "", 2, "C@Exa")
	w.must(err)
	rest, err = w.List(t.Context(), first.Next, 2, "C@Exa")
	w.must(err)
	if len(first.Accounts) != 0 || first.Next != "b@example.org" || len(rest.Accounts) != 1 || rest.Accounts[0].Address != "c@example.org" || rest.Next != "" {
		t.Errorf("%+v, %+v", first, rest)
	}
}

func TestFlushBeforeReading(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	flushed := 0
	w.Flush = func(context.Context, string) error { flushed++; return nil }
	w.show()
	w.kinds()
	if flushed != 2 {
		t.Errorf("flushed %d times", flushed)
	}
	broken := errors.New("disk full")
	w.Flush = func(context.Context, string) error { return broken }
	if _, err := w.Events(t.Context(), EventQuery{}); !errors.Is(err, broken) {
		t.Errorf("error = %v", err)
	}
}

func TestLastUse(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	id, _ := w.appPassword("phone", true, time.Time{})
	a := w.account()
	use := func(credential string, at time.Time) store.Use {
		return store.Use{Address: alice, AccountID: a.ID, Credential: credential, LastUse: store.LastUse{Time: at, Service: "imap"}}
	}
	w.must(w.Store.WriteMerged(t.Context(), nil, []store.Use{use(id.String(), w.now), use(store.MainCredential(a.ID), w.now.Add(time.Hour))}))
	shown := w.show()
	if shown.AppPasswords[0].LastUse == nil || !shown.AppPasswords[0].LastUse.Time.Equal(w.now) ||
		shown.MainLastUse == nil || !shown.MainLastUse.Time.Equal(w.now.Add(time.Hour)) {
		t.Errorf("%+v", shown)
	}
}
