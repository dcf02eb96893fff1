package portal

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// set is a cookie as an answer sets it.
func (a *answer) set(name string) *http.Cookie {
	for _, c := range a.Result().Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestSessionCookie(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	c := w.client().signIn(alice, good).set("__Host-latchkey")
	if c == nil || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("%v", c)
	}
	w.cfg.Portal.URL = "http://localhost:8080"
	local := w.client()
	local.addr = netip.MustParseAddr("127.0.0.1")
	if c := local.signIn(alice, good).set("latchkey"); c == nil || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
		t.Errorf("%v", c)
	}
}

// TestDeviceCookie: trust is one account's in one browser, for seven days.
func TestDeviceCookie(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	w.addBound(bob, other)
	c := w.client()
	c.signIn(alice, good)
	c.get(pathSignInCode)
	a := c.post(pathSignInCode, "code", w.code(), "trust", "yes")
	var device *http.Cookie
	for _, set := range a.Result().Cookies() {
		if strings.HasPrefix(set.Name, "__Host-latchkey-device-") {
			device = set
		}
	}
	if device == nil || !device.Secure || !device.HttpOnly || device.MaxAge < int((7*24*time.Hour).Seconds()) {
		t.Fatalf("%v", device)
	}
	c.signIn(bob, good).wants(http.StatusSeeOther, pathSignInCode) // it opens nobody else's account
	c.signIn(alice, good).wants(http.StatusSeeOther, pathSecurity)
	w.pass(7 * 24 * time.Hour)
	c.signIn(alice, good).wants(http.StatusSeeOther, pathSignInCode)
}

// TestRotation: each step makes a new cookie, and the one before opens nothing.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.signIn(alice, good)
	first := c.cookies["__Host-latchkey"]
	c.get(pathSignInCode)
	c.post(pathSignInCode, "code", w.code())
	second := c.cookies["__Host-latchkey"]
	if first == second {
		t.Fatal("the same cookie")
	}
	thief := w.client()
	thief.cookies["__Host-latchkey"] = first
	a := thief.get(pathPhone).wants(http.StatusSeeOther, pathSignIn)
	if a.set("__Host-latchkey") != nil {
		t.Error("a stale cookie is cleared: a newer one may be on its way")
	}
	c.get(pathPhone).wants(http.StatusOK, "")
}

// TestCookiesNeverTold: no answer shows a cookie in its page.
func TestCookiesNeverTold(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	token := c.cookies["__Host-latchkey"][strings.LastIndex(c.cookies["__Host-latchkey"], ".")+1:]
	for _, to := range w.routes {
		if to.method == http.MethodGet && strings.Contains(c.get(strings.Replace(to.path, "{$}", "", 1)).Body.String(), token) {
			t.Errorf("%s shows the cookie", to.path)
		}
	}
}

// FuzzCookies: whatever a browser keeps under our names, it is a visitor who is
// signed out, and no page breaks.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{"", "a.b.c", "0011223344556677.0011223344556677.AAAAAAAAAAAAAAAAAAAAAA", "..", "told.signed_out:true:0:0",
		"told.signed_out:true:99999:99999999999999999999", "failure.budget:false:1:-1", ":::", "failure.budget:false:1:1:1", "zh-CN", strings.Repeat("a", 5000)} {
		f.Add(seed)
	}
	w := newWorld(f)
	w.add(alice)
	f.Fuzz(func(t *testing.T, value string) {
		w.t = t
		c := w.client()
		for _, name := range []string{sessionCookie, toldCookie, languageCookie, deviceCookie + "0011223344556677"} {
			c.cookies["__Host-"+name] = value
		}
		if a := c.get(pathSignIn); a.Code != http.StatusOK {
			t.Errorf("sign-in page: %d", a.Code)
		}
		if a := c.get(pathPhone); a.Code != http.StatusSeeOther {
			t.Errorf("phone page: %d", a.Code)
		}
	})
}

// TestToldKeys: every sentence that may be sent along is there in every language.
func TestToldKeys(t *testing.T) {
	w := newWorld(t)
	for _, key := range toldKeys() {
		for _, catalog := range w.pages.catalogs.All() {
			m := counted(false, key, 3, w.clock())
			if text, err := w.text(catalog, m.Key, m.Args...); err != nil || text == "" {
				t.Errorf("%s %s: %q, %v", catalog.Tag, key, text, err)
			}
		}
	}
}

// FuzzTold: a sentence that is sent along is one of ours, and is what was packed;
// whatever else the cookie holds, the page is shown without it, and it is dropped.
func FuzzTold(f *testing.F) {
	for _, seed := range []string{"told.signed_out:true:0:0", "failure.wrong_code:false:4:1700000000", "x:true:0:0", "told.signed_out:true:-1:0", "told.signed_out:1:00:+7",
		"failure.wrong_code_last:false:0:0", "failure.number_last:false:0:0", "failure.budget:false:1:549755813887", "failure.budget:false:1:-549755813888", "told.phone_bound_ended:true:65535:0"} {
		f.Add(seed)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, packed string) {
		w.t = t
		c := w.client()
		c.cookies["__Host-"+toldCookie] = packed
		if a := c.get(pathSignIn); a.Code != http.StatusOK {
			t.Fatalf("%q: the page is %d", packed, a.Code)
		} else if set := a.set("__Host-" + toldCookie); set != nil && set.MaxAge >= 0 {
			t.Errorf("%q is kept: %v", packed, set)
		}
		m, good := unpackMessage(packed)
		if !good {
			return
		}
		if !slices.Contains(toldKeys(), m.Key) {
			t.Fatalf("%q holds %q", packed, m.Key)
		}
		if again, good := unpackMessage(m.pack()); !good || again.pack() != m.pack() {
			t.Errorf("%q was packed as %q", packed, m.pack())
		}
		for _, catalog := range w.pages.catalogs.All() {
			if text, err := w.text(catalog, m.Key, m.Args...); err != nil || text == "" {
				t.Errorf("%s %q: %q, %v", catalog.Tag, packed, text, err)
			}
		}
	})
}

// FuzzNumber: whatever is typed for a number, a code goes to a mobile number of
// an allowed country or to nobody, and the page says something.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"13812345678", "+86 138-1234-5678", "0086１３８１２３４５６７８", "+1 202 555 0123", "13812345678;ext=1", "+8613812345678x", "110", "", "<b>", strings.Repeat("1", 300), "+86 10 6255 5555"} {
		f.Add(seed)
	}
	w := newWorld(f)
	w.add(alice)
	w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour, w.cfg.SMS.BindingPerHour = 1<<30, 1<<30, 1<<30, 1<<30
	w.cfg.TwoStep.NewNumbersPerDay, w.cfg.TwoStep.CodeSendings, w.cfg.TwoStep.ResendAfter = 1<<30, 1<<30, 0
	c := w.client()
	c.enter(alice)
	f.Fuzz(func(t *testing.T, typed string) {
		w.t = t
		before := w.messages()
		a := c.post(pathPhoneBind, "number", typed, "opened", c.get(pathPhoneBind).hidden("opened"))
		switch {
		case a.Code == http.StatusSeeOther && w.messages() == before+1:
			if to := w.sent[before].To; !strings.HasPrefix(to, "+861") || len(to) != 14 {
				t.Errorf("%q: a code to %s", typed, to)
			}
		case a.Code == http.StatusUnprocessableEntity || a.Code == http.StatusBadRequest || a.Code == http.StatusRequestEntityTooLarge:
			if w.messages() != before {
				t.Errorf("%q: refused, and sent", typed)
			}
		default:
			t.Errorf("%q: %d, %d messages", typed, a.Code, w.messages()-before)
		}
	})
}
