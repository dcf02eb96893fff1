package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// site is an account with one of everything that an event may end.
type site struct {
	*world
	mine    Entered // where the owner acts, with the token that it has by now
	other   Entered // in a trusted browser
	waiting Entered // for a code
	app     [2]store.AppPasswordID
}

// newSite makes one. Where no phone is bound, the codes that are waited for are to
// bind one, and neither browsers nor recovery codes could be had the usual way.
func newSite(t *testing.T, bound bool) *site {
	w := newWorld(t)
	w.add(alice)
	if bound {
		_, err := w.BindPhone(t.Context(), admin, alice, phoneA)
		w.must(err)
	}
	x := &site{world: w}
	x.app[0], _ = w.appPassword("by the owner", false, time.Time{})
	x.app[1], _ = w.appPassword("by the administrator", true, time.Time{})
	id := w.account().ID
	x.mine, x.other, x.waiting = w.inside(alice), w.inside(alice), w.signIn(alice)
	w.update(func(sw *store.Writer) error {
		d, err := sw.Device(id, x.other.Session.Device)
		d.Trusted, d.TrustedUntil = w.now, w.now.Add(time.Hour)
		codes := store.RecoveryCodes{Made: w.now, Codes: []store.RecoveryCode{{Tag: [16]byte{1}}}}
		helpdesk := store.HelpdeskCode{Tag: [16]byte{1}, Made: w.now, Until: w.now.Add(time.Hour)}
		return errors.Join(err, sw.PutDevice(d), sw.PutRecoveryCodes(id, codes), sw.PutHelpdeskCode(id, helpdesk))
	})
	if bound {
		w.ask(x.waiting.Session, store.PurposeSignIn, "")
		w.ask(x.mine.Session, store.PurposeConfirm, "")
	} else {
		w.ask(x.waiting.Session, store.PurposeBind, phoneC)
		w.ask(x.mine.Session, store.PurposeBind, phoneA)
	}
	w.pass(time.Second)
	w.cuts = nil
	return x
}

// state says what of everything there is, in the words of the table.
func (x *site) state() string {
	x.t.Helper()
	open := func(e Entered) string {
		if _, err := x.find(e); err != nil {
			return "ended"
		}
		return "open"
	}
	trust, codes, recovery, helpdesk := "none", 0, "none", "none"
	id := x.mine.Session.Account
	x.view(func(r *store.Reader) error {
		if d, err := r.Device(id, x.other.Session.Device); err == nil && d.TrustedAt(x.now) {
			trust = "kept"
		}
		for _, session := range []store.SessionID{x.mine.Session.ID, x.waiting.Session.ID} {
			for p := store.PurposeSignIn; p <= store.PurposeConfirm; p++ {
				if _, err := r.Challenge(id, session, p); err == nil {
					codes++
				}
			}
		}
		if _, err := r.RecoveryCodes(id); err == nil {
			recovery = "kept"
		}
		if _, err := r.HelpdeskCode(id); err == nil {
			helpdesk = "kept"
		}
		return nil
	})
	return fmt.Sprintf("mine %s, other %s, waiting %s; trust %s; codes %d, recovery %s, helpdesk %s",
		open(x.mine), open(x.other), open(x.waiting), trust, codes, recovery, helpdesk)
}

// appPasswords says how the owner's and the administrator's stand.
func (x *site) appPasswords() string {
	x.t.Helper()
	states := map[store.AppPasswordID]string{}
	if shown, err := x.Show(x.t.Context(), alice); err == nil {
		for _, p := range shown.AppPasswords {
			states[p.ID] = p.State.String()
		}
	}
	return strings.TrimSpace(states[x.app[0]] + " " + states[x.app[1]])
}

// cutsNamed is what was cut, with names for ids.
func (x *site) cutsNamed() string {
	names := strings.NewReplacer(alice+" ", "", store.MainCredential(x.mine.Session.Account), "main", x.app[0].String(), "owner's", x.app[1].String(), "administrator's")
	return names.Replace(strings.Join(x.cuts, "; "))
}

// The cells of sessions, trust and codes that most events have.
const (
	nothingEnds  = "mine open, other open, waiting open; trust kept; codes 2, recovery kept, helpdesk kept"
	othersEnd    = "mine open, other ended, waiting ended; trust none; codes 0, recovery kept, helpdesk none"
	allEnd       = "mine ended, other ended, waiting ended; trust none; codes 0, recovery kept, helpdesk none"
	allEndReset  = "mine ended, other ended, waiting ended; trust none; codes 0, recovery kept, helpdesk kept"
	othersUnbind = "mine open, other ended, waiting ended; trust none; codes 0, recovery none, helpdesk none"
	allUnbind    = "mine ended, other ended, waiting ended; trust none; codes 0, recovery none, helpdesk none"
)

// byAdmin is an event that an administrator makes.
func byAdmin(do func(x *site) error) func(x *site) (Entered, error) {
	return func(x *site) (Entered, error) { return x.mine, do(x) }
}

// TestWhatEndsWhat walks event × thing.
func TestWhatEndsWhat(t *testing.T) {
	bind := func(number string) func(x *site) (Entered, error) {
		return byAdmin(func(x *site) error { _, err := x.BindPhone(x.t.Context(), admin, alice, number); return err })
	}
	set := func(revoke bool) func(x *site) (Entered, error) {
		return byAdmin(func(x *site) error {
			_, err := x.SetPassword(x.t.Context(), admin, alice, secret.New("another password"), revoke)
			return err
		})
	}
	change := func(revoke bool) func(x *site) (Entered, error) {
		return func(x *site) (Entered, error) {
			e, _, err := x.ChangePassword(x.t.Context(), x.mine.Session, secret.New("another password"), revoke)
			return e, err
		}
	}
	reset := func(revoke bool) func(x *site) (Entered, error) {
		return byAdmin(func(x *site) error { _, _, err := x.ResetPhone(x.t.Context(), admin, alice, revoke); return err })
	}
	for _, tt := range []struct {
		name   string
		bound  bool // before
		event  func(x *site) (Entered, error)
		state  string
		app    string // the owner's and the administrator's
		cut    string
		main   MainPassword
		events string
	}{
		{"phone bound by the owner", false, func(x *site) (Entered, error) {
			return x.enter(x.mine.Session, store.PurposeBind, x.phone.code())
		}, othersEnd, "made-before-binding live", "main owner's", MainBound, "login phone-bound app-password-revoked"},
		{"phone bound by an administrator", false, bind(phoneA),
			allEnd, "made-before-binding live", "main owner's", MainBound, "phone-bound app-password-revoked"},
		{"number changed by the owner", true, func(x *site) (Entered, error) {
			x.ask(x.mine.Session, store.PurposeChange, phoneB)
			return x.enter(x.mine.Session, store.PurposeChange, x.phone.code())
		}, othersEnd, "live live", "", MainBound, "code-sent login phone-bound"},
		{"number changed by an administrator", true, bind(phoneB),
			allEnd, "live live", "", MainBound, "phone-bound"},
		{"same number by an administrator", true, bind("138-1234 5678"),
			nothingEnds, "live live", "", MainBound, ""},
		{"phone unbound by the owner", true, func(x *site) (Entered, error) { return x.Unbind(x.t.Context(), x.mine.Session) },
			othersUnbind, "live live", "", MainOpens, "phone-unbound"},
		{"phone unbound by an administrator", true, byAdmin(func(x *site) error { return x.UnbindPhone(x.t.Context(), admin, alice) }),
			allUnbind, "live live", "", MainOpens, "phone-unbound"},
		{"password changed by the owner", true, change(false),
			othersEnd, "live live", "main", MainBound, "password-set"},
		{"password changed by the owner, app passwords end", true, change(true),
			othersEnd, "revoked revoked", "main owner's administrator's", MainBound, "password-set app-password-revoked app-password-revoked"},
		{"password changed by the owner, no phone", false, change(false),
			othersEnd, "live live", "main", MainOpens, "password-set"},
		{"password set by an administrator", false, set(false),
			allEndReset, "live live", "", MainOpens, "password-set"},
		{"password set by an administrator, app passwords end", true, set(true),
			allEndReset, "revoked revoked", "main owner's administrator's", MainBound, "password-set app-password-revoked app-password-revoked"},
		{"phone reset by the helpdesk", true, reset(false),
			allEndReset, "live live", "", MainBound, "helpdesk-code-made"},
		{"phone reset by the helpdesk, app passwords end", true, reset(true),
			allEndReset, "revoked revoked", "main owner's administrator's", MainBound, "helpdesk-code-made app-password-revoked app-password-revoked"},
		{"app password revoked by the owner", true, func(x *site) (Entered, error) {
			return x.mine, x.RevokeOwn(x.t.Context(), x.mine.Session, x.app[1])
		}, nothingEnds, "live revoked", "administrator's", MainBound, "app-password-revoked"},
		{"app password revoked by an administrator", true, byAdmin(func(x *site) error {
			_, err := x.RevokeAppPassword(x.t.Context(), admin, alice, x.app[0])
			return err
		}), nothingEnds, "revoked live", "owner's", MainBound, "app-password-revoked"},
		{"all app passwords revoked by the owner", true, func(x *site) (Entered, error) {
			_, err := x.RevokeAllOwn(x.t.Context(), x.mine.Session)
			return x.mine, err
		}, nothingEnds, "revoked revoked", "owner's administrator's", MainBound, "app-password-revoked app-password-revoked"},
		{"app password expired", true, byAdmin(func(x *site) error {
			x.update(func(sw *store.Writer) error {
				a := x.account()
				a.AppPasswords[0].Expires = x.now
				return sw.PutAccount(a)
			})
			_, err := x.RevokeAppPassword(x.t.Context(), admin, alice, x.app[0]) // the next change finds out
			return err
		}), nothingEnds, "expired live", "owner's", MainBound, "app-password-expired"},
		{"disabled", true, byAdmin(func(x *site) error { return x.Disable(x.t.Context(), admin, alice) }),
			allEnd, "live live", "main owner's administrator's", MainDisabled, "account-disabled"},
		{"enabled though it was", true, byAdmin(func(x *site) error { return x.Enable(x.t.Context(), admin, alice) }),
			nothingEnds, "live live", "", MainBound, ""},
		{"deleted", true, byAdmin(func(x *site) error { return x.Delete(x.t.Context(), admin, alice) }),
			allUnbind, "", "main owner's administrator's", "", "account-deleted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newSite(t, tt.bound)
			if got := x.state(); got != nothingEnds {
				t.Fatalf("before: %s", got)
			}
			before, stale := x.kinds(), x.mine
			var err error
			x.mine, err = tt.event(x)
			x.must(err)
			if got := strings.TrimSpace(strings.TrimPrefix(x.kinds(), before)); got != tt.events {
				t.Errorf("events: %q, want %q", got, tt.events)
			}
			if got := x.state(); got != tt.state {
				t.Errorf("%s\nwant %s", got, tt.state)
			}
			if got := x.appPasswords(); got != tt.app {
				t.Errorf("app passwords: %s, want %s", got, tt.app)
			}
			if got := x.cutsNamed(); got != tt.cut {
				t.Errorf("cut: %q, want %q", got, tt.cut)
			}
			if shown, err := x.Show(t.Context(), alice); err == nil && shown.MainPassword != tt.main {
				t.Errorf("main password: %s, want %s", shown.MainPassword, tt.main)
			}
			if x.mine.Cookie != stale.Cookie {
				_, err := x.find(stale)
				x.told(err, ErrSignedOut)
			} else if strings.HasPrefix(tt.state, "mine open, other ended") {
				t.Error("the session has its old token")
			}
		})
	}
}

// TestRefusedEndsNothing: what is refused, or fails, cuts nothing.
func TestRefusedEndsNothing(t *testing.T) {
	x := newSite(t, true)
	x.Enforced = func(string, time.Time) bool { return true }
	_, err := x.Unbind(t.Context(), x.mine.Session)
	x.told(err, ErrRequired)
	_, _, err = x.ChangePassword(t.Context(), x.mine.Session, secret.New("short"), true)
	x.told(err, ErrPassword)
	_, err = x.RevokeAppPassword(t.Context(), admin, alice, store.AppPasswordID{9})
	x.told(err, ErrNoAppPassword)
	x.told(x.SignOut(t.Context(), Session{}), ErrSignedOut)
	if got := x.state(); got != nothingEnds || len(x.cuts) != 0 {
		t.Errorf("%s, cut: %q", got, x.cuts)
	}
	x.Cut = nil
	x.must(x.Disable(t.Context(), admin, alice))
}
