package examples

import "testing"

// testRequired is the first day of somebody for whom two-step verification is
// required: no mail program gets in with the main password, and the portal has
// one page, until a phone is bound.
func testRequired(t *testing.T, o *office) {
	w := &walker{
		office: o, lang: "zh-CN", address: "wang.wu@required.example.org", password: "correct horse 42",
		number: "13312345678", seen: map[string]bool{},
	}
	o.latchkey.addAccount(t, w.address, w.password)
	b := newBrowser(t, o.place, "a telephone", onIPad, o.url, w.lang)
	b.use(t, desk)
	w.mailRefused(t, w.password)
	w.signIn(t, b)
	b.mustBeAt(t, "/phone/bind")
	w.look(t, b, "phone-bind-required")
	for _, path := range []string{"/security", "/app-passwords", "/app-passwords/new", "/devices", "/recovery-codes", "/password"} {
		b.open(t, path)
		b.mustBeAt(t, "/phone/bind")
	}
	b.fill(t, "number", w.number)
	b.press(t, submit)
	w.enterCode(t, b, w.number)
	b.mustBeAt(t, "/phone")
	if b.count(t, `a[href$="/phone/unbind"]`) > 0 {
		t.Error("the phone may be unbound")
	}
	w.mailRefused(t, w.password)
}
