package portal

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

// bind binds a number from a session that stands inside, or must bind.
func (c *client) bind(number string) *answer {
	c.w.t.Helper()
	a := c.get(pathPhoneBind)
	c.post(pathPhoneBind, "number", number, "opened", a.hidden("opened")).wants(http.StatusSeeOther, pathPhoneBindCode)
	c.get(pathPhoneBindCode).wants(http.StatusOK, "")
	return c.follow(c.post(pathPhoneBindCode, "code", c.w.code()))
}

// TestWalk is a person's first days: bind, sign in with a code, trust, sign in
// without one, change, unbind.
func TestWalk(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	c := w.client()

	c.get("/").wants(http.StatusSeeOther, pathSignIn)
	c.get(pathSignIn).wants(http.StatusOK, "")
	c.signIn("Alice", good).wants(http.StatusSeeOther, pathSecurity)
	if a := c.get(pathPhone); !c.says(a, "phone.not_bound") {
		t.Fatal(a.text())
	}
	if a := c.bind(number); !c.says(a, "told.phone_bound") || !strings.Contains(a.text(), "+86 138****5678") {
		t.Fatal(a.text())
	}
	c.post(pathSignOut).wants(http.StatusSeeOther, pathSignIn)
	if a := c.get(pathSignIn); !c.says(a, "told.signed_out") {
		t.Fatal(a.text())
	}
	if a := c.get(pathSignIn); c.says(a, "told.signed_out") {
		t.Error("told twice")
	}

	w.pass(time.Hour)
	c.signIn(alice, good).wants(http.StatusSeeOther, pathSignInCode)
	if w.messages() != 2 {
		t.Fatalf("%d messages, want the code at once", w.messages())
	}
	a := c.get(pathSignInCode)
	if !c.says(a, "code.sent", "phone", unbroken("+86 138****5678")) || !strings.Contains(a.Body.String(), `data-left="300"`) {
		t.Fatal(a.text())
	}
	if a = c.post(pathSignInCode, "code", wrongCode(w.code())); a.Code != http.StatusUnprocessableEntity || !c.says(a, "failure.wrong_code", "count", 4) {
		t.Fatalf("%d %s", a.Code, a.text())
	}
	c.post(pathSignInCode, "code", " "+w.code()[:3]+" "+w.code()[3:], "trust", "yes").wants(http.StatusSeeOther, pathSecurity)
	c.get(pathSecurity)
	c.post(pathSignOut)

	w.pass(6 * 24 * time.Hour)
	c.signIn(alice, good).wants(http.StatusSeeOther, pathSecurity) // trusted
	if a := w.client().signIn(alice, good); a.Header().Get("Location") != pathSignInCode {
		t.Errorf("another browser is led to %q", a.Header().Get("Location"))
	}
	c.get(pathSecurity)
	c.get(pathPhoneChange).wants(http.StatusSeeOther, "/confirm?next=%2Fphone%2Fchange") // a trusted browser has not passed it
	c.get("/confirm?next=%2Fphone%2Fchange")
	c.post(pathConfirmSend, "next", pathPhoneChange).wants(http.StatusSeeOther, "/confirm?next=%2Fphone%2Fchange")
	c.post(pathConfirm, "next", pathPhoneChange, "code", w.code()).wants(http.StatusSeeOther, pathPhoneChange)
	a = c.get(pathPhoneChange)
	c.post(pathPhoneChange, "number", other, "opened", a.hidden("opened")).wants(http.StatusSeeOther, pathPhoneChangeCode)
	if a := c.get(pathPhoneChangeCode); !c.says(a, "code.sent", "phone", unbroken("+86 139****4321")) {
		t.Fatal(a.text())
	}
	if a := c.follow(c.post(pathPhoneChangeCode, "code", w.code())); !c.says(a, "told.phone_changed") {
		t.Fatal(a.text())
	}

	c.get(pathPhoneUnbind).wants(http.StatusOK, "")
	if a := c.follow(c.post(pathPhoneUnbind)); !c.says(a, "told.phone_unbound") || !c.says(a, "phone.not_bound") {
		t.Fatal(a.text())
	}
	for _, secret := range []string{good, "13812345678", "13987654321", "138", c.cookies["__Host-latchkey"]} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, m := range w.sent {
		if strings.Contains(w.log.String(), string(m.Code[:])) {
			t.Error("the log holds a code")
		}
	}
}

// wrongCode is another code.
func wrongCode(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

// TestBindingRequired: where two-step verification is required, there is the
// binding page and nothing else.
func TestBindingRequired(t *testing.T) {
	w := newWorld(t)
	w.cfg.TwoStep.EnforceFrom = &config.Date{Year: 2026, Month: 1, Day: 1}
	w.add(alice)
	c := w.client()
	c.signIn(alice, good).wants(http.StatusSeeOther, pathPhoneBind)
	if a := c.get(pathPhoneBind); !c.says(a, "bind.title_required") || !c.says(a, "bind.webmail") || strings.Contains(a.Body.String(), "<nav") {
		t.Error(a.text())
	}
	if a := c.bind(number); !c.says(a, "phone.required") || strings.Contains(a.Body.String(), pathPhoneUnbind) {
		t.Errorf("unbinding is offered: %s", a.text())
	}
	c.get(pathSecurity)
	if a := c.post(pathPhoneUnbind); a.Code != http.StatusUnprocessableEntity || !c.says(a, "failure.required") {
		t.Errorf("%d: %s", a.Code, a.text())
	}
}

// TestHelpdeskNeeded: after bind_until a first phone needs the helpdesk's code.
func TestHelpdeskNeeded(t *testing.T) {
	w := newWorld(t)
	w.cfg.TwoStep.BindUntil = &config.Date{Year: 2026, Month: 1, Day: 1}
	w.add(alice)
	code, _, err := w.Accounts.ResetPhone(t.Context(), root, alice, false)
	w.must(err)
	c := w.client()
	c.enter(alice)
	a := c.get(pathPhoneBind)
	if !c.says(a, "bind.helpdesk") || strings.Contains(a.Body.String(), `name="number"`) {
		t.Fatal(a.text())
	}
	if a := c.post(pathBindHelpdesk, "recovery", "abcd-efgh-jkmn"); !c.says(a, "failure.wrong_recovery", "count", 4) {
		t.Fatal(a.text())
	}
	if a := c.follow(c.post(pathBindHelpdesk, "recovery", code.Group())); !c.says(a, "told.helpdesk_accepted") {
		t.Fatal(a.text())
	}
	if a := c.bind(number); !c.says(a, "told.phone_bound") {
		t.Error(a.text())
	}
}

// codeItem is one recovery code on its page.
var codeItem = regexp.MustCompile(`<li>([a-z]{4}-[a-z]{4}-[a-z]{4})</li>`)

// TestRecoveryCodes: ten codes, shown once; one opens the binding page, once.
func TestRecoveryCodes(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	a := c.get(pathRecoveryCodes)
	if !c.says(a, "recovery_codes.none") {
		t.Fatal(a.text())
	}
	before := a.hidden("before")
	made := c.post(pathRecoveryCodes, "before", before)
	codes := codeItem.FindAllStringSubmatch(made.Body.String(), -1)
	if made.Code != http.StatusOK || len(codes) != 10 {
		t.Fatalf("%d, %d codes", made.Code, len(codes))
	}
	if a := c.follow(c.post(pathRecoveryCodes, "before", before)); !c.says(a, "told.codes_made_before") || !c.says(a, "recovery_codes.left_of", "left", 10, "of", 10) {
		t.Errorf("the form sent twice: %s", a.text())
	}
	if a := c.get(pathRecoveryCodes); strings.Contains(a.Body.String(), codes[0][1]) {
		t.Error("shown again")
	}

	thief := w.client()
	thief.signIn(alice, good)
	thief.get(pathSignInRecover)
	thief.post(pathSignInRecover, "recovery", strings.ToUpper(codes[3][1])).wants(http.StatusSeeOther, pathPhoneBind)
	if a := thief.get(pathPhoneBind); !c.says(a, "bind.lead_rebind", "phone", unbroken("+86 138****5678")) {
		t.Error(a.text())
	}
	if a := thief.bind(other); !c.says(a, "told.phone_changed") {
		t.Error(a.text())
	}
	again := w.client()
	again.signIn(alice, good)
	again.get(pathSignInRecover)
	for left := 4; left > 0; left-- {
		if a := again.post(pathSignInRecover, "recovery", codes[3][1]); !c.says(a, "failure.wrong_recovery", "count", left) {
			t.Fatalf("used twice: %d %s", a.Code, a.text())
		}
	}
	if a := again.follow(again.post(pathSignInRecover, "recovery", codes[3][1])); a.path != pathSignIn || !c.says(a, "failure.wrong_recovery_last") {
		t.Errorf("the fifth: %s %s", a.path, a.text())
	}
}

// TestBindingTimesOut: the page is void after five minutes, whoever keeps it.
func TestBindingTimesOut(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	c := w.client()
	c.enter(alice)
	a := c.get(pathPhoneBind)
	if !strings.Contains(a.Body.String(), `data-left="300"`) {
		t.Error("no countdown from 300")
	}
	opened := a.hidden("opened")
	w.pass(5*time.Minute - time.Second)
	a = c.post(pathPhoneBind, "number", "12345", "opened", opened)
	if a.Code != http.StatusUnprocessableEntity || !c.says(a, "failure.number") || !strings.Contains(a.Body.String(), `data-left="1"`) || a.hidden("opened") != opened {
		t.Errorf("%d, the countdown began anew: %s", a.Code, a.text())
	}
	w.pass(time.Second)
	if a = c.follow(c.post(pathPhoneBind, "number", number, "opened", opened)); !c.says(a, "told.timed_out") || w.messages() > 0 {
		t.Errorf("%d messages: %s", w.messages(), a.text())
	}
	for _, forged := range []string{"", "0", "9999999999.x", strings.Replace(a.hidden("opened"), ".", "0.", 1)} {
		c.post(pathPhoneBind, "number", number, "opened", forged).wants(http.StatusSeeOther, pathPhoneBind)
	}
	if w.messages() > 0 {
		t.Error("a code was sent for a forged stamp")
	}

	c.post(pathPhoneBind, "number", number, "opened", c.get(pathPhoneBind).hidden("opened")).wants(http.StatusSeeOther, pathPhoneBindCode)
	code := w.code()
	w.pass(5 * time.Minute)
	if a = c.follow(c.post(pathPhoneBindCode, "code", code)); a.path != pathPhoneBind || !c.says(a, "told.code_over") {
		t.Errorf("the code after its time: %s %s", a.path, a.text())
	}
}

// TestNoSender: without a sender the binding page says so, and asks nothing.
func TestNoSender(t *testing.T) {
	w := newWorld(t)
	w.addBound(bob, number)
	w.add(alice)
	w.Accounts.Sender = nil
	c := w.client()
	c.enter(alice)
	if a := c.get(pathPhoneBind); !c.says(a, "bind.no_sms") || strings.Contains(a.Body.String(), `name="number"`) {
		t.Error(a.text())
	}
	c = w.client()
	if a := c.follow(c.signIn(bob, good)); !c.says(a, "failure.no_sms") {
		t.Error(a.text())
	}
}

// TestSendingFails: a gateway that fails costs the person nothing.
func TestSendingFails(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	w.fail = http.ErrHandlerTimeout
	c := w.client()
	a := c.follow(c.signIn(alice, good))
	if a.path != pathSignInCode || !c.says(a, "failure.send_failed") {
		t.Fatalf("%s: %s", a.path, a.text())
	}
	w.fail = nil
	if a = c.follow(c.post(pathSignInCodeSend)); !c.says(a, "told.code_sent") {
		t.Fatal(a.text())
	}
	if a = c.follow(c.post(pathSignInCodeSend)); !c.says(a, "failure.too_soon") || w.messages() != 1 {
		t.Errorf("%d messages: %s", w.messages(), a.text())
	}
	w.pass(time.Minute)
	first := w.code()
	if c.follow(c.post(pathSignInCodeSend)); w.messages() != 2 || w.code() != first {
		t.Errorf("%d messages, another code: %v", w.messages(), w.code() != first)
	}
}

// TestChangePassword: the present password is asked, the box ends app passwords.
func TestChangePassword(t *testing.T) {
	const next = " another horse "
	w := newWorld(t)
	w.addBound(alice, number)
	_, _, err := w.Accounts.AddAppPassword(t.Context(), root, alice, accounts.NewAppPassword{Name: "Kitchen radio"})
	w.must(err)
	c := w.client()
	c.stepped(alice)
	if a := c.get(pathPassword); !strings.Contains(a.text(), "Kitchen radio") {
		t.Error(a.text())
	}
	for _, of := range []struct {
		present, password, again, key string
		status                        int
	}{
		{"wrong", next, next, "failure.present_password", http.StatusForbidden},
		{good, next, next + " ", "failure.passwords_differ", http.StatusUnprocessableEntity},
		{good, good, good, "failure.same_password", http.StatusUnprocessableEntity},
		{good, "short", "short", "failure.password", http.StatusUnprocessableEntity},
		{good, "abcdefghjkmnpqrs", "abcdefghjkmnpqrs", "failure.looks_like_app_password", http.StatusUnprocessableEntity},
	} {
		a := c.post(pathPassword, "present", of.present, "password", of.password, "again", of.again)
		if a.Code != of.status || !c.says(a, of.key) {
			t.Errorf("%s: %d %s", of.key, a.Code, a.text())
		}
	}
	before := c.cookies["__Host-latchkey"]
	c.post(pathPassword, "present", good, "password", next, "again", next, "revoke", "yes").wants(http.StatusSeeOther, pathSecurity)
	if c.cookies["__Host-latchkey"] == before {
		t.Error("the cookie is the same")
	}
	shown, err := w.Accounts.Show(t.Context(), alice)
	w.must(err)
	for _, p := range shown.AppPasswords {
		if p.Ended.IsZero() {
			t.Error("the app password is not revoked")
		}
	}
	if a := w.client().signIn(alice, good); a.Code != http.StatusForbidden {
		t.Errorf("the old password: %d", a.Code)
	}
	w.client().signIn(alice, next).wants(http.StatusSeeOther, pathSignInCode)
	if a := w.client().signIn(alice, strings.TrimSpace(next)); a.Code != http.StatusForbidden {
		t.Errorf("the password was trimmed: %d", a.Code)
	}
}

// TestSignOutEverywhere ends the sessions of other browsers, too.
func TestSignOutEverywhere(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	here, there := w.client(), w.client()
	here.enter(alice)
	there.enter(alice)
	here.post(pathSignOutAll).wants(http.StatusSeeOther, pathSignIn)
	if a := there.follow(there.get(pathPhone)); a.path != pathSignIn || !there.says(a, "told.session_over") {
		t.Errorf("%s %s", a.path, a.text())
	}
}

// TestIdle: a session ends half an hour after it was last used.
func TestIdle(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	c := w.client()
	c.enter(alice)
	for range 3 {
		w.pass(29 * time.Minute)
		c.get(pathPhone).wants(http.StatusOK, "")
		w.must(w.Accounts.Flush(t.Context(), ""))
	}
	w.pass(30 * time.Minute)
	c.get(pathPhone).wants(http.StatusSeeOther, pathSignIn)
}

// TestRecoveryCodesSentAtOnce: of forms that are sent at once, as a double click
// does, one shows codes, and those work; the others lead back to the page.
func TestRecoveryCodesSentAtOnce(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	before := c.get(pathRecoveryCodes).hidden("before")
	for _, bad := range []string{"", "x", "1.5", before + " "} {
		if a := c.post(pathRecoveryCodes, "before", bad); a.Code != http.StatusBadRequest {
			t.Errorf("before %q: %d", bad, a.Code)
		}
	}
	answers := make([]*answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		one := *c
		one.cookies = maps.Clone(c.cookies)
		all.Go(func() { answers[i] = one.post(pathRecoveryCodes, "before", before) })
	}
	all.Wait()
	var shown []string
	for _, a := range answers {
		if found := codeItem.FindStringSubmatch(a.Body.String()); found != nil {
			shown = append(shown, found[1])
			continue
		}
		a.wants(http.StatusSeeOther, pathRecoveryCodes)
	}
	if len(shown) != 1 {
		t.Fatalf("codes were shown %d times", len(shown))
	}
	lost := w.client()
	lost.signIn(alice, good)
	lost.get(pathSignInRecover)
	lost.post(pathSignInRecover, "recovery", shown[0]).wants(http.StatusSeeOther, pathPhoneBind)
}
