package portal

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// place is how far a visitor has come, who belongs there, and what may be
// reached: for who stands inside it is everything.
type place struct {
	name    string
	arrive  func(w *world) *client
	home    string
	reaches []string
}

// everywhere may be reached by all.
func everywhere() []string {
	return []string{"GET /{$}", "POST /language", "POST /sign-in", "POST /sign-out", "GET /static/{name}"}
}

// binding is what binds a number.
func binding() []string {
	return []string{"GET /phone/bind", "POST /phone/bind", "GET /phone/bind/code", "POST /phone/bind/code", "POST /phone/bind/code/send"}
}

// places are written out here, apart from the table of routes: they are what a
// thief with a stolen password may reach.
func places() []place {
	return []place{
		{"stranger", func(w *world) *client { return w.client() }, pathSignIn, []string{"GET /sign-in", "GET /guide"}},
		{"code awaited", func(w *world) *client {
			w.addBound(alice, number)
			c := w.client()
			c.signIn(alice, good).wants(http.StatusSeeOther, pathSignInCode)
			c.get(pathSignInCode)
			return c
		}, pathSignInCode, []string{"GET /sign-in/code", "POST /sign-in/code", "POST /sign-in/code/send", "GET /sign-in/recover", "POST /sign-in/recover"}},
		{"recovery code given", func(w *world) *client {
			w.addBound(alice, number)
			owner := w.client()
			owner.stepped(alice)
			made := owner.post(pathRecoveryCodes, "before", owner.get(pathRecoveryCodes).hidden("before"))
			c := w.client()
			c.signIn(alice, good)
			c.get(pathSignInCode)
			c.post(pathSignInRecover, "recovery", codeItem.FindStringSubmatch(made.Body.String())[1]).wants(http.StatusSeeOther, pathPhoneBind)
			c.get(pathPhoneBind)
			return c
		}, pathPhoneBind, binding()},
		{"must bind", func(w *world) *client {
			w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 1, Day: 1}
			w.add(alice)
			c := w.client()
			c.signIn(alice, good).wants(http.StatusSeeOther, pathPhoneBind)
			c.get(pathPhoneBind)
			return c
		}, pathPhoneBind, append(binding(), "POST /phone/bind/helpdesk")},
	}
}

// TestReach tries every route from every place: what is not in the list leads
// home, and changes nothing.
func TestReach(t *testing.T) {
	for _, at := range places() {
		w := newWorld(t)
		c := at.arrive(w)
		before := w.traces()
		for _, to := range w.routes {
			name := to.method + " " + to.path
			if slices.Contains(everywhere(), name) || slices.Contains(at.reaches, name) {
				continue
			}
			a := c.try(to)
			if a.Code != http.StatusSeeOther || a.Header().Get("Location") != at.home {
				t.Errorf("%s: %s: %d, to %q: %s", at.name, name, a.Code, a.Header().Get("Location"), a.text())
			}
			if after := w.traces(); after != before {
				t.Errorf("%s: %s has left a trace", at.name, name)
				before = after
			}
		}
	}
}

// TestReaches keeps the lists from holding what is out of reach: every page in
// them is shown.
func TestReaches(t *testing.T) {
	for _, at := range places() {
		for _, name := range at.reaches {
			path, isPage := strings.CutPrefix(name, "GET ")
			if !isPage || path == pathPhoneBindCode { // that one wants a code on its way
				continue
			}
			at.arrive(newWorld(t)).get(path).wants(http.StatusOK, "")
		}
	}
}

// try sends what a form without its fields would, with a token that is right.
func (c *client) try(to route) *answer {
	path := strings.NewReplacer("{$}", "", "{id}", "00112233445566778899aabbccddeeff", "{name}", "style.css").Replace(to.path)
	if to.method == http.MethodGet {
		return c.get(path)
	}
	return c.post(path)
}

// traces counts what any change leaves: events, and messages.
func (w *world) traces() int {
	w.t.Helper()
	w.must(w.Accounts.Flush(w.t.Context(), ""))
	events, err := w.Accounts.Store.Events(w.t.Context(), store.EventQuery{Limit: 1000})
	w.must(err)
	return len(events) + w.messages()
}

// TestEveryRouteHasItsPlace keeps the lists above from growing stale.
func TestEveryRouteHasItsPlace(t *testing.T) {
	var names []string
	for _, to := range newWorld(t).routes {
		names = append(names, to.method+" "+to.path)
	}
	for _, at := range places() {
		for _, name := range append(everywhere(), at.reaches...) {
			if !slices.Contains(names, name) {
				t.Errorf("%s: there is no %s", at.name, name)
			}
		}
	}
}

// TestTokens: a form inside a session is nothing without the session's token.
func TestTokens(t *testing.T) {
	in := place{"inside", func(w *world) *client {
		w.addBound(alice, number)
		c := w.client()
		c.stepped(alice)
		return c
	}, pathSecurity, nil}
	for _, at := range append(places()[1:], in) {
		w := newWorld(t)
		c := at.arrive(w)
		before, refused := w.traces(), 0
		for _, to := range w.routes {
			if to.method != http.MethodPost || to.tokenless {
				continue
			}
			for _, c.token = range []string{"", "AAAAAAAAAAAAAAAAAAAAAA"} {
				a := c.try(to)
				if a.Code == http.StatusForbidden {
					refused++
				} else if a.Header().Get("Location") != at.home {
					t.Errorf("%s: %s with token %q: %d", at.name, to.path, c.token, a.Code)
				}
			}
		}
		if w.traces() != before || refused < 4 {
			t.Errorf("%s: %d traces, %d refused", at.name, w.traces()-before, refused)
		}
	}
}

// TestOtherSessionsToken: a token is good in its own session only.
func TestOtherSessionsToken(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	w.add(bob)
	a, b := w.client(), w.client()
	a.enter(alice)
	b.enter(bob)
	a.token = b.token
	if got := a.post(pathSignOutAll); got.Code != http.StatusForbidden {
		t.Errorf("%d", got.Code)
	}
	if strings.Contains(a.cookies["__Host-latchkey"], a.token) {
		t.Error("the token shows the cookie")
	}
}

// TestStepUp: what wants the second step again leads to it, from a browser that
// was only trusted.
func TestStepUp(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.signIn(alice, good)
	c.get(pathSignInCode)
	c.post(pathSignInCode, "code", w.code(), "trust", "yes")
	want := []string{"GET /app-passwords/new", "GET /password", "GET /phone/change", "GET /phone/change/code", "GET /phone/unbind",
		"POST /app-passwords/new", "POST /password", "POST /phone/change", "POST /phone/change/code", "POST /phone/change/code/send",
		"POST /phone/unbind", "POST /recovery-codes"}
	var got []string
	c.get(pathSecurity)
	w.pass(10*time.Minute + time.Second)
	before := w.traces()
	for _, to := range w.routes {
		if to.who&inside == 0 || slices.Contains(everywhere(), to.method+" "+to.path) || to.path == pathSignOutAll {
			continue
		}
		if a := c.try(to); strings.HasPrefix(a.Header().Get("Location"), pathConfirm) {
			got = append(got, to.method+" "+to.path)
		}
	}
	got = slices.DeleteFunc(got, func(name string) bool { return strings.HasSuffix(name, pathConfirmSend) })
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the second step is asked by\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if after := w.traces(); after > before+2 { // /confirm/send has sent its code
		t.Errorf("%d traces", after-before)
	}
}

// TestNext: the page after the second step is one of ours, whoever wrote the link.
func TestNext(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour = 100, 100, 100
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/sign-out", "/phone", "/password/", "/password?x", "javascript:alert(1)", "", "\x00"} {
		c := w.client()
		c.enter(alice)
		w.pass(11 * time.Minute)
		if a := c.get("/confirm?" + "next=" + strings.NewReplacer("\\", "%5C", "\x00", "%00", "?", "%3F").Replace(next)); strings.Contains(a.Body.String(), "evil") || strings.Contains(a.Body.String(), `name="next"`) {
			t.Errorf("%q is on the page", next)
		}
		c.post(pathConfirmSend, "next", next).wants(http.StatusSeeOther, pathConfirm)
		w.pass(time.Minute)
		c.post(pathConfirm, "next", next, "code", w.code()).wants(http.StatusSeeOther, pathSecurity)
	}
}

// TestLanguage: the choice is kept, and leads back to pages only.
func TestLanguage(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	if a := c.get(pathSignIn); a.Header().Get("Content-Language") != "en" {
		t.Fatal(a.Header())
	}
	c.post(pathLanguage, "language", "zh-CN", "back", pathSignIn).wants(http.StatusSeeOther, pathSignIn)
	if a := c.get(pathSignIn); a.Header().Get("Content-Language") != "zh-CN" {
		t.Error("not kept")
	}
	for _, back := range []string{"https://evil.example", "//evil.example", "/static/{name}", "/sign-out", "/app-passwords/{id}/revoke", ""} {
		c.post(pathLanguage, "language", "xx", "back", back).wants(http.StatusSeeOther, "/")
	}
	if c.cookies["__Host-latchkey-language"] != "zh-CN" {
		t.Error("a language that there is not was kept")
	}
}

// TestLinks: every link and form of every page is an address that there is.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	links := regexp.MustCompile(`(?:href|action|src)="([^"]*)"`)
	seen := 0
	for _, to := range w.routes {
		if to.method != http.MethodGet || strings.Contains(to.path, "{") {
			continue
		}
		for _, found := range links.FindAllStringSubmatch(c.get(to.path).Body.String(), -1) {
			path := strings.Split(strings.Split(found[1], "#")[0], "?")[0]
			if path == "" || strings.HasPrefix(path, "tel:") {
				continue
			}
			seen++
			r := httptest.NewRequest(http.MethodGet, "https://"+host+path, nil)
			if !slices.ContainsFunc(w.routes, func(at route) bool { return matches(at.path, r.URL.Path) }) {
				t.Errorf("%s leads to %s", to.path, found[1])
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links", seen)
	}
}

// matches compares a pattern with a path, part by part.
func matches(pattern, path string) bool {
	want, got := strings.Split(strings.TrimSuffix(pattern, "{$}"), "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(a, b string) bool { return a == b || strings.HasPrefix(a, "{") && b != "" })
}
