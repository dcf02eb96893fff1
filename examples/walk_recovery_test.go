package examples

import (
	"strings"
	"testing"
)

// makeRecoveryCodes needs the second step, which signing in at a trusted browser
// was not.
func (w *walker) makeRecoveryCodes(t *testing.T) {
	b := w.laptop
	b.open(t, "/recovery-codes")
	if b.path(t) == "/recovery-codes" {
		w.look(t, b, "recovery-codes")
		b.press(t, submit)
	}
	b.mustBeAt(t, "/confirm")
	w.look(t, b, "confirm")
	b.press(t, submit)
	b.mustBeAt(t, "/confirm")
	code := w.code(t, w.number)
	w.look(t, b, "confirm-code")
	b.fill(t, "code", code)
	b.press(t, submit)
	b.mustBeAt(t, "/recovery-codes")
	b.press(t, submit)
	w.look(t, b, "recovery-codes-made")
	w.recovery = strings.Fields(b.text(t, "#codes"))
	if len(w.recovery) != 10 {
		t.Errorf("ten recovery codes, but %q", w.recovery)
	}
	b.open(t, "/recovery-codes")
	if text := b.text(t, "main"); strings.Contains(text, w.recovery[0]) {
		t.Errorf("recovery codes are shown twice:\n%s", text)
	}
}

// recover: the phone is gone. A recovery code in its place opens nothing but the
// page for another number.
func (w *walker) recover(t *testing.T) {
	b := w.tablet
	w.signIn(t, b)
	b.mustBeAt(t, "/sign-in/code")
	w.code(t, w.number) // arrives on the lost phone
	b.press(t, `main a[href$="/sign-in/recover"]`)
	w.look(t, b, "sign-in-recover")
	b.fill(t, "recovery", w.recovery[3])
	b.press(t, submit)
	b.mustBeAt(t, "/phone/bind")
	w.look(t, b, "phone-bind-again")
	b.open(t, "/app-passwords")
	b.mustBeAt(t, "/phone/bind")
	w.number = w.others[1]
	b.fill(t, "number", w.number)
	b.press(t, submit)
	w.enterCode(t, b, w.number)
	b.mustBeAt(t, "/phone")

	w.laptop.open(t, "/devices") // its session ended
	w.laptop.mustBeAt(t, "/sign-in")
}
