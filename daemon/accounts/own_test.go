package accounts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func TestOwnAppPasswords(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice).Session
	id := store.AppPasswordID{1, 2, 3}
	made, letters, err := w.MakeAppPassword(t.Context(), in, NewAppPassword{ID: id, Name: " phone ", Scopes: store.ScopeIMAP, ByAdmin: true})
	w.must(err)
	if made.ID != id || made.Name != "phone" || made.ByAdmin || made.MadeBy != "owner" || made.State != store.Live || made.Scopes != store.ScopeIMAP || !made.Made.Equal(w.now) {
		t.Errorf("%+v", made)
	}
	a := w.account()
	if row, found := a.Match(w.Keys.AppPasswordTag(a.ID, letters)); !found || row.ID != id {
		t.Errorf("the letters do not open the account: %+v, %v", row, found)
	}
	for _, name := range []string{"the form sent twice", "revoked meanwhile"} {
		_, again, err := w.MakeAppPassword(t.Context(), in, NewAppPassword{ID: id, Name: "phone"})
		w.told(err, ErrExists)
		if again != [16]byte{} || len(w.account().AppPasswords) != 1 {
			t.Error(name)
		}
		w.must(w.RevokeOwn(t.Context(), in, id))
	}
	_, _, err = w.MakeAppPassword(t.Context(), in, NewAppPassword{Name: "\n"})
	w.told(err, ErrName)
	drawn, _, err := w.MakeAppPassword(t.Context(), in, NewAppPassword{Name: "tablet"})
	w.must(err)
	use := store.Use{Address: alice, AccountID: a.ID, Credential: drawn.ID.String(),
		LastUse: store.LastUse{Time: w.now, Addr: home().Addr, Service: "imap", ClientID: "Thunderbird 140"}}
	w.must(w.Store.WriteMerged(t.Context(), nil, []store.Use{use}))
	all, err := w.OwnAppPasswords(t.Context(), in)
	w.must(err)
	if len(all) != 2 || all[0].State != store.Revoked || all[0].EndedBy != "owner" || all[1].ID != drawn.ID || *all[1].LastUse != use.LastUse {
		t.Errorf("%+v", all)
	}
	ended, err := w.RevokeAllOwn(t.Context(), in)
	w.must(err)
	if len(ended) != 1 || ended[0] != drawn.ID {
		t.Errorf("%v", ended)
	}
	w.damage([]byte(drawn.ID.String())) // its last use
	if all, err := w.OwnAppPasswords(t.Context(), in); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestChangePassword(t *testing.T) {
	w := worldWith(t)
	w.appPassword("kept", true, time.Time{})
	in := w.inside(alice)
	hashed := 0
	w.Hash = func(_ context.Context, p secret.Secret) (string, error) { hashed++; return hashOf(p.Reveal()), nil }
	for password, want := range map[string]error{"": ErrPassword, "short": ErrPassword, "abcd efgh jkmn pqrs": ErrLooksLikeAppPassword} {
		_, _, err := w.ChangePassword(t.Context(), in.Session, secret.New(password), true)
		w.told(err, want)
	}
	w.pass(10 * time.Minute)
	_, _, err := w.ChangePassword(t.Context(), in.Session, secret.New("another password"), true)
	w.told(err, ErrStepUp)
	if hashed != 0 || w.account().MainHash != hashOf(good) {
		t.Errorf("hashed %d times", hashed)
	}
	w.ask(in.Session, store.PurposeConfirm, "")
	in, err = w.enter(in.Session, store.PurposeConfirm, w.phone.code())
	w.must(err)
	e, ended, err := w.ChangePassword(t.Context(), in.Session, secret.New("another password"), false)
	w.must(err)
	if w.account().MainHash != hashOf("another password") || len(ended) != 0 || !e.Session.Fresh || e.Session.ID != in.Session.ID {
		t.Errorf("%+v, %v", e, ended)
	}
	if _, ended, err = w.ChangePassword(t.Context(), e.Session, secret.New("a third password"), true); err != nil || len(ended) != 1 {
		t.Errorf("%v, %v", ended, err)
	}
	page, err := w.Events(t.Context(), EventQuery{Address: alice})
	w.must(err)
	for _, one := range page {
		if one.Kind == store.EventPasswordSet && (one.Actor != "owner" || strings.Contains(one.Detail, "password")) {
			t.Errorf("%+v", one)
		}
	}
}

// TestChangedMeanwhile: what happens to a session while the new password is hashed
// counts.
func TestChangedMeanwhile(t *testing.T) {
	for want, meanwhile := range map[error]func(w *world, in Session){
		ErrSignedOut: func(w *world, in Session) { w.must(w.SignOut(w.t.Context(), in)) },
		ErrStepUp:    func(w *world, in Session) { w.pass(10 * time.Minute) },
	} {
		w := worldWith(t)
		in := w.inside(alice).Session
		w.Hash = func(context.Context, secret.Secret) (string, error) {
			meanwhile(w, in)
			return "new hash", nil
		}
		_, _, err := w.ChangePassword(t.Context(), in, secret.New("another password"), true)
		w.told(err, want)
		if w.account().MainHash != hashOf(good) {
			t.Error("set")
		}
	}
}

func TestUnbindWhereRequired(t *testing.T) {
	for _, tt := range []struct {
		name     string
		required func(w *world)
		want     error
	}{
		{"not required", func(w *world) {}, nil},
		{"required", func(w *world) { w.Enforced = func(string, time.Time) bool { return true } }, ErrRequired},
		{"required by the configuration", func(w *world) {
			w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 12, Day: 1}
		}, ErrRequired},
		{"not required any more, of old", func(w *world) {
			w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 12, Day: 1}
			w.Enforced = func(string, time.Time) bool { return false }
		}, nil},
		{"excepted", func(w *world) {
			w.Enforced = func(string, time.Time) bool { return true }
			w.must(w.Exempt(w.t.Context(), admin, alice, w.now.Add(time.Second), "travels"))
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			tt.required(w)
			e, err := w.Unbind(t.Context(), w.inside(alice).Session)
			if tt.want != nil {
				w.told(err, tt.want)
			} else if err != nil || e.Session.Bound || e.Session.Phone != "" || !e.Session.Stepped.IsZero() {
				t.Errorf("%+v, %v", e, err)
			}
			if w.account().Bound.IsZero() == (tt.want != nil) {
				t.Errorf("bound: %s", w.account().Bound)
			}
		})
	}
}

// TestEnforcedDecides: what the service is told goes before what the
// configuration says, wherever it matters.
func TestEnforcedDecides(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.Enforced = func(domain string, now time.Time) bool { return domain == "example.org" && now.Equal(w.now) }
	if got := w.show().MainPassword; got != MainEnforced {
		t.Errorf("shown: %s", got)
	}
	page, err := w.List(t.Context(), "", 0, "")
	w.must(err)
	if page.Accounts[0].MainPassword != MainEnforced {
		t.Errorf("listed: %+v", page)
	}
}

func TestExpectPhone(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	for number, want := range map[string]error{"": ErrNumber, "hello": ErrNumber, "+852 9123 4567": ErrCountry} {
		w.told(w.ExpectPhone(t.Context(), admin, alice, number), want)
	}
	w.told(w.ExpectPhone(t.Context(), admin, "nobody@example.org", phoneA), ErrNoAccount)
	w.must(w.ExpectPhone(t.Context(), admin, alice, phoneB))
	w.must(w.ExpectPhone(t.Context(), admin, alice, "138 1234 5678"))
	page, err := w.Events(t.Context(), EventQuery{Address: alice, Limit: 1})
	w.must(err)
	if e := page[0]; e.Kind != store.EventPhoneExpected || e.Actor != admin || e.Detail != "+86 138****5678" {
		t.Errorf("%+v", e)
	}
	in := w.signIn(alice).Session
	_, err = w.SendCode(t.Context(), in, store.PurposeBind, phoneB, home())
	w.told(err, ErrNumberExpected)
	w.ask(in, store.PurposeBind, phoneA)
	_, err = w.BindPhone(t.Context(), admin, alice, phoneC) // an administrator may bind any, and that uses it up
	w.must(err)
	w.ask(w.inside(alice).Session, store.PurposeChange, phoneB)
}

// TestNoSecretsInEvents looks for codes, numbers, tokens and passwords in
// everything that was written down on a long way through the portal.
func TestNoSecretsInEvents(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	e := w.signIn(alice)
	secrets := []string{phoneA[3:], phoneB[3:], good, "another password"}
	step := func(p store.Purpose, number string) {
		w.pass(time.Minute)
		w.ask(e.Session, p, number)
		secrets = append(secrets, w.phone.code())
		var err error
		e, err = w.EnterCode(t.Context(), e.Session, Entry{Purpose: p, Code: w.phone.code(), Trust: true, Browser: home()})
		w.must(err)
		secrets = append(secrets, e.Cookie.Value[len(e.Cookie.Value)-22:], e.Device.Value[len(e.Device.Value)-22:])
	}
	step(store.PurposeBind, phoneA)
	step(store.PurposeConfirm, "")
	step(store.PurposeChange, phoneB)
	codes, err := w.MakeRecoveryCodes(t.Context(), e.Session, time.Time{})
	w.must(err)
	secrets = append(secrets, codes[0].Group(), strings.ReplaceAll(codes[0].Group(), "-", ""))
	_, letters, err := w.MakeAppPassword(t.Context(), e.Session, NewAppPassword{Name: "phone"})
	w.must(err)
	secrets = append(secrets, string(letters[:]))
	e, _, err = w.ChangePassword(t.Context(), e.Session, secret.New("another password"), true)
	w.must(err)
	secrets = append(secrets, w.helpdesk())
	page, err := w.Events(t.Context(), EventQuery{Address: alice})
	w.must(err)
	if len(page) < 12 {
		t.Fatalf("%d events", len(page))
	}
	for _, event := range page {
		text := strings.Join([]string{event.Detail, event.ClientID, event.Mechanism, event.Service, event.Address, string(event.Actor)}, " ")
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%q in %s", s, text)
			}
		}
	}
}

// TestStoreFails: what the store cannot do is told as that, and sends nothing.
func TestStoreFails(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice)
	sent := len(w.phone.sent)
	_ = w.Store.Close()
	var own *Error
	for name, err := range map[string]error{
		"Session": func() error { _, err := w.find(in); return err }(),
		"SendCode": func() error {
			_, err := w.SendCode(t.Context(), in.Session, store.PurposeConfirm, "", home())
			return err
		}(),
		"EnterCode": func() error { _, err := w.enter(in.Session, store.PurposeConfirm, "123456"); return err }(),
		"SignOut":   w.SignOut(t.Context(), in.Session),
	} {
		if err == nil || errors.As(err, &own) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.phone.sent) != sent {
		t.Error("a code was sent")
	}
}
