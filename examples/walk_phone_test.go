package examples

import (
	"net/http"
	"testing"
)

// bind: from the code on, the main password opens no mail program any more, and
// what it had open is closed.
func (w *walker) bind(t *testing.T) {
	b := w.laptop
	idle := w.idle(t, w.password)
	b.open(t, "/phone")
	w.look(t, b, "phone-unbound")
	b.press(t, `main a[href$="/phone/bind"]`)
	b.mustBeAt(t, "/phone/bind")
	w.look(t, b, "phone-bind")
	b.fill(t, "number", w.number)
	b.press(t, submit)
	b.mustBeAt(t, "/phone/bind/code")
	code := w.code(t, w.number)
	w.look(t, b, "phone-bind-code")
	b.fill(t, "code", wrong(code))
	if status := b.press(t, submit); status < http.StatusBadRequest {
		t.Errorf("a wrong code is answered by %d", status)
	}
	b.mustBeAt(t, "/phone/bind/code")
	w.look(t, b, "phone-bind-code-wrong")
	w.mailPass(t, w.password)

	b.fill(t, "code", code)
	b.press(t, submit)
	b.mustBeAt(t, "/phone")
	w.look(t, b, "phone")
	mustBeCut(t, idle)
	w.mailRefused(t, w.password)
}

// change: the old number gets its code first, then the new one.
func (w *walker) change(t *testing.T) {
	b := w.laptop
	b.open(t, "/phone")
	b.press(t, `main a[href$="/phone/change"]`)
	if b.path(t) == "/confirm" {
		b.press(t, submit)
		w.enterCode(t, b, w.number)
	}
	b.mustBeAt(t, "/phone/change")
	w.look(t, b, "phone-change")
	w.number = w.others[0]
	b.fill(t, "number", w.number)
	b.press(t, submit)
	b.mustBeAt(t, "/phone/change/code")
	code := w.code(t, w.number)
	w.look(t, b, "phone-change-code")
	b.fill(t, "code", code)
	b.press(t, submit)
	b.mustBeAt(t, "/phone")
}

// unbind: the main password opens everything again.
func (w *walker) unbind(t *testing.T) {
	b := w.laptop
	b.open(t, "/phone")
	b.press(t, `main a[href$="/phone/unbind"]`)
	if b.path(t) == "/confirm" {
		b.press(t, submit)
		w.enterCode(t, b, w.number)
	}
	b.mustBeAt(t, "/phone/unbind")
	w.look(t, b, "phone-unbind")
	w.mailRefused(t, w.password)
	b.press(t, "main button.danger")
	b.mustBeAt(t, "/phone")
	w.mailPass(t, w.password)
}
