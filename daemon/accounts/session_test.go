package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func TestStartSession(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(w *world)
		want  Session
	}{
		{"no phone", func(w *world) { w.add(alice) }, Session{Session: store.Session{Stage: store.StageIn}, Fresh: true}},
		{"bound", func(w *world) { w.addBound(alice, phoneA) },
			Session{Session: store.Session{Stage: store.StageCode}, Bound: true, Phone: "+86 138****5678"}},
		{"required", func(w *world) {
			w.add(alice)
			w.Enforced = func(domain string, now time.Time) bool { return domain == "example.org" && now.Equal(w.now) }
		}, Session{Session: store.Session{Stage: store.StageIn}, Required: true, Fresh: true}},
		{"required by the configuration", func(w *world) {
			w.add(alice)
			w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 12, Day: 1}
		}, Session{Session: store.Session{Stage: store.StageIn}, Required: true, Fresh: true}},
		{"excepted", func(w *world) {
			w.add(alice)
			w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 12, Day: 1}
			w.must(w.Exempt(w.t.Context(), admin, alice, w.now.Add(time.Second), "waits"))
		}, Session{Session: store.Session{Stage: store.StageIn}, Fresh: true}},
		{"helpdesk needed", func(w *world) {
			w.add(alice)
			w.cfg.TwoStep.BindUntil = &config.Date{Year: 2026, Month: 11, Day: 30}
		}, Session{Session: store.Session{Stage: store.StageIn}, HelpdeskNeeded: true, Fresh: true}},
		{"helpdesk not yet needed", func(w *world) {
			w.add(alice)
			w.cfg.TwoStep.BindUntil = &config.Date{Year: 2026, Month: 12, Day: 1}
		}, Session{Session: store.Session{Stage: store.StageIn}, Fresh: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.setup(w)
			e := w.signIn(alice)
			found, err := w.find(e)
			w.must(err)
			for from, got := range map[string]Session{"entered": e.Session, "found": found} {
				if got.Stage != tt.want.Stage || got.Bound != tt.want.Bound || got.Required != tt.want.Required || got.Fresh != tt.want.Fresh ||
					got.HelpdeskNeeded != tt.want.HelpdeskNeeded || got.Phone != tt.want.Phone || got.Tag != [16]byte{} || got.Address != alice || !got.Stepped.IsZero() {
					t.Errorf("%s: %+v", from, got)
				}
			}
			if (e.Device != nil) != (tt.want.Stage == store.StageIn) || !e.Cookie.Until.Equal(w.now.Add(12*time.Hour)) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestStartSessionAnew: what was right a moment ago opens nothing if the account
// changed since.
func TestStartSessionAnew(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"password set": func(w *world) {
			_, err := w.SetPassword(w.t.Context(), admin, alice, secret.New("another password"), false)
			w.must(err)
		},
		"disabled": func(w *world) { w.must(w.Disable(w.t.Context(), admin, alice)) },
		"deleted":  func(w *world) { w.must(w.Delete(w.t.Context(), admin, alice)) },
		"made anew": func(w *world) {
			w.must(w.Delete(w.t.Context(), admin, alice))
			w.add(alice)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			a := w.account()
			in := SignIn{Address: alice, Account: a.ID, Fingerprint: a.MainFingerprint(), Browser: home()}
			_, err := w.StartSession(t.Context(), in)
			w.must(err)
			change(w)
			_, err = w.StartSession(t.Context(), in)
			w.told(err, ErrSignedOut)
		})
	}
}

// TestSessionEnds walks everything that ends a session, a moment before and when
// it does.
func TestSessionEnds(t *testing.T) {
	use := func(w *world, e Entered, until, step time.Duration) {
		for at := step; at < until; at += step {
			w.pass(step)
			if _, err := w.find(e); err != nil {
				w.t.Fatalf("after %s: %v", at, err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		end  func(w *world, e Entered)
		open bool
	}{
		{"idle for less than 30 minutes", func(w *world, e Entered) { w.pass(30*time.Minute - time.Second) }, true},
		{"idle for 30 minutes", func(w *world, e Entered) { w.pass(30 * time.Minute) }, false},
		{"used for less than 12 hours", func(w *world, e Entered) { use(w, e, 12*time.Hour, 10*time.Minute) }, true},
		{"used for 12 hours", func(w *world, e Entered) {
			use(w, e, 12*time.Hour, 10*time.Minute)
			w.pass(10 * time.Minute)
		}, false},
		{"signed out", func(w *world, e Entered) { w.must(w.SignOut(w.t.Context(), e.Session)) }, false},
		{"signed out elsewhere", func(w *world, e Entered) { w.must(w.SignOut(w.t.Context(), w.inside(alice).Session)) }, true},
		{"signed out everywhere", func(w *world, e Entered) { w.must(w.SignOutEverywhere(w.t.Context(), w.inside(alice).Session)) }, false},
		{"ended by the helpdesk", func(w *world, e Entered) {
			if n, err := w.EndSessions(w.t.Context(), admin, alice); n != 1 || err != nil {
				w.t.Errorf("%d, %v", n, err)
			}
		}, false},
		{"password set by an administrator", func(w *world, e Entered) {
			_, err := w.SetPassword(w.t.Context(), admin, alice, secret.New(good), false)
			w.must(err)
		}, false},
		{"account disabled", func(w *world, e Entered) { w.must(w.Disable(w.t.Context(), admin, alice)) }, false},
		{"account disabled behind its back", func(w *world, e Entered) {
			w.update(func(sw *store.Writer) error {
				a := w.account()
				a.Disabled = true
				return sw.PutAccount(a)
			})
		}, false},
		{"account deleted", func(w *world, e Entered) { w.must(w.Delete(w.t.Context(), admin, alice)) }, false},
		{"its record damaged", func(w *world, e Entered) { w.damage(e.Session.ID[:]) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			e := w.inside(alice)
			tt.end(w, e)
			_, err := w.find(e)
			if !tt.open {
				w.told(err, ErrSignedOut)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCookiesThatOpenNothing(t *testing.T) {
	w := worldWith(t)
	w.addBound(bob, phoneB)
	ours, theirs := w.inside(alice), w.inside(bob)
	part := func(e Entered, i int) string { return strings.Split(e.Cookie.Value, ".")[i] }
	for _, cookie := range []string{
		"", ".", "..", "...", ours.Cookie.Value + ".", ours.Cookie.Value + "A", strings.ToUpper(ours.Cookie.Value),
		part(ours, 0) + "." + part(ours, 1), part(ours, 0) + "." + part(ours, 1) + ".",
		part(ours, 0) + "." + part(ours, 1) + "." + part(theirs, 2),
		part(theirs, 0) + "." + part(theirs, 1) + "." + part(ours, 2),
		part(theirs, 0) + "." + part(ours, 1) + "." + part(ours, 2),
		part(ours, 0) + "." + part(theirs, 1) + "." + part(ours, 2),
		"0000000000000000.0000000000000000.AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if _, err := w.Session(t.Context(), cookie, home()); !errors.Is(err, ErrSignedOut) {
			t.Errorf("%q: %v", cookie, err)
		}
	}
	if _, err := w.find(ours); err != nil {
		t.Error(err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", ours, ours, ours, ours.Device); strings.Contains(text, part(ours, 2)) || strings.Contains(text, strings.Split(ours.Device.Value, ".")[1]) {
		t.Errorf("printed: %s", text)
	}
}

// TestTokenOfEachStep: each step has its own token, and the ones before open
// nothing, in a cookie or in hand.
func TestTokenOfEachStep(t *testing.T) {
	w := worldWith(t)
	first := w.signIn(alice)
	second := w.insideOf(first, false)
	w.ask(second.Session, store.PurposeConfirm, "")
	third, err := w.enter(second.Session, store.PurposeConfirm, w.phone.code())
	w.must(err)
	for i, stale := range []Entered{first, second} {
		_, err := w.find(stale)
		w.told(err, ErrSignedOut)
		w.told(w.SignOut(t.Context(), stale.Session), ErrSignedOut)
		if stale.Session.ID != third.Session.ID {
			t.Errorf("step %d: another session", i)
		}
	}
	if _, err := w.find(third); err != nil {
		t.Error(err)
	}
}

func TestSeenOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	e := w.signIn(alice)
	seen := 0
	w.Seen = func(u store.Use) {
		seen++
		if u.Address != alice || u.Credential != store.SessionCredential(e.Session.ID) || !u.Time.Equal(w.now) || u.Addr != home().Addr {
			t.Errorf("%+v", u)
		}
		w.must(w.Store.WriteMerged(t.Context(), nil, []store.Use{u}))
	}
	for range 180 {
		w.pass(time.Second)
		_, err := w.find(e)
		w.must(err)
	}
	if seen != 3 {
		t.Errorf("seen %d times in 3 minutes", seen)
	}
}

// TestOldSessionIsReplaced: the session that the browser had ends, if it was the
// browser's.
func TestOldSessionIsReplaced(t *testing.T) {
	for _, tt := range []struct {
		name string
		of   string
		old  func(cookie string) string
		open bool
	}{
		{"of the same account", alice, func(cookie string) string { return cookie }, false},
		{"of another account", bob, func(cookie string) string { return cookie }, false},
		{"with a wrong token", alice, func(cookie string) string { return cookie[:len(cookie)-22] + strings.Repeat("A", 22) }, true},
		{"with a wrong token, of another account", bob, func(cookie string) string { return cookie[:len(cookie)-22] + strings.Repeat("A", 22) }, true},
		{"garbage", alice, func(string) string { return "garbage" }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			w.add(bob)
			old := w.signIn(tt.of)
			a := w.account()
			in := SignIn{Address: alice, Account: a.ID, Fingerprint: a.MainFingerprint(), Browser: home(), Old: tt.old(old.Cookie.Value)}
			e, err := w.StartSession(t.Context(), in)
			w.must(err)
			if _, err := w.find(e); err != nil {
				t.Error(err)
			}
			if _, err := w.find(old); (err == nil) != tt.open {
				t.Errorf("the old one: %v", err)
			}
		})
	}
}

func TestEndSessions(t *testing.T) {
	w := worldWith(t)
	w.signIn(alice)
	w.inside(alice)
	if n, err := w.EndSessions(t.Context(), admin, "Alice@Example.org"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	before := w.kinds()
	if n, err := w.EndSessions(t.Context(), admin, alice); n != 0 || err != nil || w.kinds() != before {
		t.Errorf("again: %d, %v, %s", n, err, w.kinds())
	}
	if !strings.HasSuffix(before, "session-ended") {
		t.Errorf("events: %s", before)
	}
	_, err := w.EndSessions(t.Context(), admin, "nobody@example.org")
	w.told(err, ErrNoAccount)
}

func FuzzCookies(f *testing.F) {
	var account store.AccountID
	account[7] = 1
	f.Add(sessionCookie(account, store.SessionID{2}, secret.Token{3}))
	f.Add(deviceCookie(store.DeviceID{2}, secret.Token{3}))
	f.Add("0000000000000001.0200000000000000.AwAAAAAAAAAAAAAAAAAAAB")
	f.Add("..")
	f.Fuzz(func(t *testing.T, cookie string) {
		if account, id, token, ok := parseSessionCookie(cookie); ok && sessionCookie(account, id, token) != cookie {
			t.Errorf("%q is read as another", cookie)
		}
		if id, token, ok := parseDeviceCookie(cookie); ok && deviceCookie(id, token) != cookie {
			t.Errorf("%q is read as another", cookie)
		}
	})
}
