package portal

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

// damage flips a bit in the value of the record whose key ends so.
func damage(t *testing.T, engine kv.Engine, suffix []byte) {
	t.Helper()
	err := engine.Update(t.Context(), func(w kv.Writer) error {
		var key, value []byte
		err := w.Scan(nil, nil, func(k, v []byte) error {
			if bytes.HasSuffix(k, suffix) {
				key, value = bytes.Clone(k), bytes.Clone(v)
			}
			return nil
		})
		if key == nil {
			return errors.Join(err, errors.New("there is no such record"))
		}
		value[len(value)-1] ^= 1
		return errors.Join(err, w.Put(key, value))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedRecoveryCodes: the page shows everything else, says that they cannot
// be read, and new ones take their place.
func TestDamagedRecoveryCodes(t *testing.T) {
	engine := memkv.New()
	w := newWorldOn(t, engine, nil)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	old := c.recoveryCode()
	var id store.AccountID
	w.must(w.Accounts.Store.View(t.Context(), func(r *store.Reader) error {
		a, err := r.Account(alice)
		id = a.ID
		return err
	}))
	damage(t, engine, append(id[:], 'r'))

	page := c.get(pathSecurity).wants(http.StatusOK, "")
	if !c.says(page, "security.recovery_damaged") || !c.says(page, "security.recovery_make") || !c.says(page, "security.devices_link") ||
		!c.says(page, "security.app_passwords_count", "count", 0) || c.says(page, "security.recovery_none") {
		t.Errorf("%s", page.text())
	}
	page = c.get(pathRecoveryCodes).wants(http.StatusOK, "")
	if !c.says(page, "recovery_codes.damaged") || c.says(page, "recovery_codes.none") {
		t.Errorf("%s", page.text())
	}
	before := page.hidden("before")
	made := c.post(pathRecoveryCodes, "before", before).wants(http.StatusOK, "")
	code := codeItem.FindStringSubmatch(made.Body.String())[1]
	c.post(pathRecoveryCodes, "before", before).wants(http.StatusSeeOther, pathRecoveryCodes) // the page again makes none
	if page = c.get(pathSecurity).wants(http.StatusOK, ""); !c.says(page, "security.recovery_left", "left", 10, "of", 10) {
		t.Errorf("%s", page.text())
	}
	lost := w.client()
	lost.signIn(alice, good).wants(http.StatusSeeOther, pathSignInCode)
	lost.get(pathSignInRecover)
	lost.post(pathSignInRecover, "recovery", old).wants(http.StatusUnprocessableEntity, "")
	lost.post(pathSignInRecover, "recovery", code).wants(http.StatusSeeOther, pathPhoneBind)
}

// TestDamagedAccount: a browser whose session is of an account that cannot be read
// signs in to another. What is that account's own says "cannot look", never
// "wrong", and never "signed out".
func TestDamagedAccount(t *testing.T) {
	engine := memkv.New()
	w := newWorldOn(t, engine, nil)
	w.add(alice)
	w.add(bob)
	c := w.client()
	c.enter(alice)
	cookie := c.cookies["__Host-"+sessionCookie]
	damage(t, engine, []byte(alice))

	for _, path := range []string{pathSecurity, pathDevices, pathPassword, pathPhoneBind, pathConfirm} {
		a := c.get(path).wants(http.StatusServiceUnavailable, "")
		if !c.says(a, "error.try_again") || a.set("__Host-"+sessionCookie) != nil {
			t.Errorf("%s: %s", path, a.text())
		}
	}
	c.post(pathSignOutAll).wants(http.StatusServiceUnavailable, "")
	c.get("/").wants(http.StatusSeeOther, pathSignIn) // where the page of the failure leads
	c.get(pathSignIn).wants(http.StatusOK, "")
	if a := c.signIn(alice, good).wants(http.StatusServiceUnavailable, ""); !c.says(a, "error.try_again") || c.says(a, "failure.sign_in") {
		t.Errorf("%s", a.text())
	}
	c.signIn(bob, good).wants(http.StatusSeeOther, pathSecurity)
	if a := c.get(pathSecurity).wants(http.StatusOK, ""); !strings.Contains(a.Body.String(), bob) || c.cookies["__Host-"+sessionCookie] == cookie {
		t.Errorf("%s", a.text())
	}

	again := w.client()
	again.cookies["__Host-"+sessionCookie] = cookie
	again.post(pathSignOut).wants(http.StatusSeeOther, pathSignIn)
	if again.cookies["__Host-"+sessionCookie] != "" {
		t.Error("the cookie was kept")
	}
}

// TestStoreDownIsNoStranger: what cannot be read for another reason is no stranger, not even
// where strangers may come.
func TestStoreDownIsNoStranger(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	c := w.client()
	c.enter(alice)
	w.must(w.Accounts.Store.Close())
	for _, path := range []string{pathSecurity, pathSignIn, "/"} {
		c.get(path).wants(http.StatusServiceUnavailable, "")
	}
}
