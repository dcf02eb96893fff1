package examples

import (
	"net/http"
	"testing"
)

const submit = "main button.primary"

// signIn gives address and main password, at a browser that is signed out. Where
// the machine is too busy to look at the password in time, the page says so, and
// a person presses the button again.
func (w *walker) signIn(t *testing.T, b *browser) {
	t.Helper()
	b.open(t, "/")
	b.mustBeAt(t, "/sign-in")
	for range mostPresses {
		b.fill(t, "address", w.address)
		b.fill(t, "password", w.password)
		if b.press(t, submit) != http.StatusServiceUnavailable {
			return
		}
	}
	t.Fatalf("not once in %d times was the password looked at:\n%s", mostPresses, b.text(t, "main"))
}

// mostPresses is how often a busy machine is asked again.
const mostPresses = 5

// enterCode gives the code that came for the number.
func (w *walker) enterCode(t *testing.T, b *browser, number string) {
	t.Helper()
	b.fill(t, "code", w.code(t, number))
	b.press(t, submit)
}

// signOut presses the button that stands on every page.
func (w *walker) signOut(t *testing.T, b *browser) {
	t.Helper()
	b.press(t, "header form.out button")
	b.mustBeAt(t, "/sign-in")
}

// signInFirst: nothing is asked but the main password, which opens every mail
// program, too.
func (w *walker) signInFirst(t *testing.T) {
	w.mailPass(t, w.password)

	b := w.laptop
	b.open(t, "/devices")
	b.mustBeAt(t, "/sign-in")
	w.look(t, b, "sign-in")
	b.fill(t, "address", w.address)
	b.fill(t, "password", "wrong horse 42")
	if status := b.press(t, submit); status != http.StatusForbidden {
		t.Errorf("a wrong password is answered by %d", status)
	}
	b.mustBeAt(t, "/sign-in")
	w.look(t, b, "sign-in-wrong")
	if sent := b.sentTwice(t); sent != 1 {
		t.Errorf("a double click sends the form %d times", sent)
	}
	b.open(t, "/sign-in")
	w.signIn(t, b)
	b.mustBeAt(t, "/security")
	w.look(t, b, "security-unbound")
}
