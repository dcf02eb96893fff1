package examples

import (
	"regexp"
	"strings"
	"testing"
)

// makeAppPassword makes one, which is shown once, and copies it.
func (w *walker) makeAppPassword(t *testing.T) {
	b := w.laptop
	b.open(t, "/app-passwords")
	w.look(t, b, "app-passwords-none")
	b.press(t, `main a[href$="/app-passwords/new"]`)
	b.mustBeAt(t, "/app-passwords/new")
	w.look(t, b, "app-password-new")
	b.fill(t, "name", "Thunderbird")
	b.press(t, submit)
	shown := b.text(t, "[data-secret]")
	w.app = strings.Join(strings.Fields(shown), "")
	if !regexp.MustCompile("^[a-hjkmnp-z]{16}$").MatchString(w.app) {
		t.Fatalf("the app password is %q", shown)
	}
	w.look(t, b, "app-password-made")
	if copied := b.copied(t, "button[data-copy]"); copied != w.app {
		t.Errorf("the page shows %s, copied is %q", w.app, copied)
	}
	w.mailPrograms(t, w.app, passes)

	b.open(t, "/app-passwords")
	w.look(t, b, "app-passwords")
	b.back(t)
	if text := b.text(t, "body"); strings.Contains(strings.Join(strings.Fields(text), ""), w.app) {
		t.Errorf("an app password comes back with the page:\n%s", text)
	}
}

// revoke: the mail program is out at once, also where it was in.
func (w *walker) revoke(t *testing.T) {
	b := w.laptop
	idle := w.idle(t, w.app)
	b.open(t, "/app-passwords")
	b.press(t, `main form[action$="/revoke"] button`)
	b.mustBeAt(t, "/app-passwords")
	mustBeCut(t, idle)
	w.mailPrograms(t, w.app, isRefused)
	w.look(t, b, "app-passwords-revoked")
}
