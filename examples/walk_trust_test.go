package examples

import "testing"

// trust signs in with a code and has the browser trusted.
func (w *walker) trust(t *testing.T) {
	b := w.laptop
	w.signOut(t, b)
	w.signIn(t, b)
	b.mustBeAt(t, "/sign-in/code")
	w.look(t, b, "sign-in-code")
	b.do(t, b.click("#trust"))
	w.enterCode(t, b, w.number)
	b.mustBeAt(t, "/security")
	w.look(t, b, "security")
	w.idle(t, w.app).Close() // so that a mail program stands among the devices by its name
	b.open(t, "/devices")
	w.look(t, b, "devices")
	b.press(t, `main a[href*="/devices/program/"]`)
	w.look(t, b, "program-delete")
	b.open(t, "/devices")
	b.press(t, `main a[href$="/delete"]:not([href*="/program/"])`)
	w.look(t, b, "device-delete")
	b.open(t, "/password")
	w.look(t, b, "password")
}

// signInTrusted: the trusted browser is asked for no code, and none is sent.
func (w *walker) signInTrusted(t *testing.T) {
	b := w.laptop
	w.signOut(t, b)
	w.signIn(t, b)
	b.mustBeAt(t, "/security")
}

// untrust: from the next sign-in on, the laptop is asked again.
func (w *walker) untrust(t *testing.T) {
	b := w.laptop
	b.open(t, "/devices")
	b.press(t, `main form[action$="/untrust"] button`)
	b.mustBeAt(t, "/devices")
	if b.count(t, `main form[action$="/untrust"]`) != 0 {
		t.Errorf("a browser is still trusted:\n%s", b.text(t, "main"))
	}
	w.signOut(t, b)
	w.signIn(t, b)
	b.mustBeAt(t, "/sign-in/code")
	w.enterCode(t, b, w.number)
	b.mustBeAt(t, "/security")
}
