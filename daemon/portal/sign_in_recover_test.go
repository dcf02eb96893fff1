package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// trust signs in with a code, in a browser that needs none from now on.
func (c *client) trust(address string) {
	c.w.t.Helper()
	c.signIn(address, good).wants(http.StatusSeeOther, pathSignInCode)
	c.get(pathSignInCode)
	c.post(pathSignInCode, "code", c.w.code(), "trust", "yes").wants(http.StatusSeeOther, pathSecurity)
	c.get(pathSecurity)
}

// trusted signs in without a code.
func (c *client) trusted(address string) {
	c.w.t.Helper()
	c.signIn(address, good).wants(http.StatusSeeOther, pathSecurity)
	c.get(pathSecurity)
}

// recoveryCode makes new ones and is the first of them.
func (c *client) recoveryCode() string {
	c.w.t.Helper()
	made := c.post(pathRecoveryCodes, "before", c.get(pathRecoveryCodes).hidden("before")).wants(http.StatusOK, "")
	return codeItem.FindStringSubmatch(made.Body.String())[1]
}

// TestRecoverFromInside: who came in by a trusted browser and is asked the second
// step, but has no phone, gives a recovery or a helpdesk code there. From then on
// the session reaches nothing but binding a number, with another cookie.
func TestRecoverFromInside(t *testing.T) {
	for _, how := range []string{"recovery", "helpdesk"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			w.addBound(alice, number)
			code := ""
			if how == "helpdesk" {
				made, _, err := w.Accounts.ResetPhone(t.Context(), root, alice, false) // signs everybody out
				w.must(err)
				code = made.Group()
			}
			c := w.client()
			c.trust(alice)
			if how == "recovery" {
				code = c.recoveryCode()
			}
			c.trusted(alice)
			c.get(pathPassword).wants(http.StatusSeeOther, pathConfirm+"?next=%2Fpassword")
			asked := c.get(pathConfirm + "?next=%2Fpassword")
			if !strings.Contains(asked.Body.String(), `href="`+pathSignInRecover+`"`) || !c.says(asked, "confirm.no_phone") {
				t.Errorf("no way out: %s", asked.text())
			}
			page := c.get(pathSignInRecover).wants(http.StatusOK, "")
			if !c.says(page, "sign_in_recover.title_inside") || !c.says(page, "sign_in_recover.inside") || strings.Contains(page.Body.String(), `href="`+pathSignInCode+`"`) {
				t.Errorf("%s", page.text())
			}
			wrong := c.post(pathSignInRecover, "recovery", "aaaa-aaaa-aaaa").wants(http.StatusUnprocessableEntity, "")
			if !c.says(wrong, "failure.wrong_recovery", "count", 4) || !c.says(wrong, "sign_in_recover.inside") {
				t.Errorf("%s", wrong.text())
			}
			c.get(pathSecurity).wants(http.StatusOK, "") // which takes nothing back
			before := c.cookies["__Host-"+sessionCookie]
			c.post(pathSignInRecover, "recovery", code).wants(http.StatusSeeOther, pathPhoneBind)
			thief := w.client()
			thief.cookies["__Host-"+sessionCookie] = before
			thief.get(pathSecurity).wants(http.StatusSeeOther, pathSignIn)
			for _, path := range []string{pathSecurity, pathConfirm, pathPassword, pathAppPasswords, pathDevices, pathSignInRecover, pathPhoneChange} {
				c.get(path).wants(http.StatusSeeOther, pathPhoneBind)
			}
			c.get(pathPhoneBind)
			c.post(pathSignOutAll).wants(http.StatusSeeOther, pathPhoneBind)
			w.pass(time.Minute)
			opened := c.get(pathPhoneBind).hidden("opened")
			c.post(pathPhoneBind, "number", number, "opened", opened).wants(http.StatusSeeOther, pathPhoneBindCode)
			c.get(pathPhoneBindCode)
			bound := c.post(pathPhoneBindCode, "code", w.code()).wants(http.StatusSeeOther, pathPhone)
			if got := c.follow(bound); !c.says(got, "told.phone_again") {
				t.Errorf("%s", got.text())
			}
			c.get(pathPassword).wants(http.StatusOK, "") // the second step was passed with that
		})
	}
}

// TestWrongRecoveryFromInside: the fifth wrong code ends the session, as it does
// where one signs in.
func TestWrongRecoveryFromInside(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.trust(alice)
	code := c.recoveryCode()
	c.get(pathSignInRecover)
	for range 4 {
		c.post(pathSignInRecover, "recovery", "aaaa-aaaa-aaaa").wants(http.StatusUnprocessableEntity, "")
	}
	last := c.post(pathSignInRecover, "recovery", "aaaa-aaaa-aaaa").wants(http.StatusSeeOther, pathSignIn)
	if got := c.follow(last); !c.says(got, "failure.wrong_recovery_last") {
		t.Errorf("%s", got.text())
	}
	c.post(pathSignInRecover, "recovery", code).wants(http.StatusSeeOther, pathSignIn)
}

// TestNothingToRecover: without a phone there is no such page, and no code is
// looked at: the helpdesk's has its own place where a first phone is bound.
func TestNothingToRecover(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	code, _, err := w.Accounts.ResetPhone(t.Context(), root, alice, false)
	w.must(err)
	c := w.client()
	c.enter(alice)
	before := w.traces()
	c.get(pathSignInRecover).wants(http.StatusSeeOther, pathPhone)
	c.post(pathSignInRecover, "recovery", code.Group()).wants(http.StatusSeeOther, pathPhone)
	c.post(pathSignInRecover, "recovery", "aaaa-aaaa-aaaa").wants(http.StatusSeeOther, pathPhone)
	if w.traces() != before {
		t.Error("a code was looked at")
	}
	w.must(w.Accounts.Store.View(t.Context(), func(r *store.Reader) error {
		a, err := r.Account(alice)
		if err != nil {
			return err
		}
		_, err = r.HelpdeskCode(a.ID)
		return err
	}))
}
