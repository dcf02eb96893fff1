package examples

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// thunderbird is what the first app password is called.
const thunderbird = "Thunderbird"

// makeAppPassword makes one, which is shown once, and copies it.
func (w *walker) makeAppPassword(t *testing.T) {
	b := w.laptop
	b.open(t, "/app-passwords")
	w.look(t, b, "app-passwords-none")
	b.press(t, `main a[href$="/app-passwords/new"]`)
	b.mustBeAt(t, "/app-passwords/new")
	w.look(t, b, "app-password-new")
	b.fill(t, "name", thunderbird)
	b.press(t, submit)
	w.app = b.letters(t)
	w.look(t, b, "app-password-made")
	if copied := b.copied(t, "button[data-copy]"); copied != w.app {
		t.Errorf("the page shows %s, copied is %q", w.app, copied)
	}
	w.mailPass(t, w.app)

	w.mustBeGone(t, b)
	w.makeForPrinter(t, b)
	b.open(t, "/app-passwords")
	w.look(t, b, "app-passwords")
	b.press(t, `main a[href$="/revoke-all"]`)
	w.look(t, b, "app-password-revoke-all")
}

// makeForPrinter makes a second one, that can send and nothing else.
func (w *walker) makeForPrinter(t *testing.T, b *browser) {
	t.Helper()
	b.open(t, "/app-passwords/new")
	b.fill(t, "name", map[string]string{"en": "Printer, 2nd floor", "zh-CN": "二楼打印机"}[w.lang])
	b.do(t, b.click("#scopes-smtp"))
	b.press(t, submit)
	secret := b.letters(t)
	var done sync.WaitGroup
	for _, d := range w.doors {
		done.Go(func() {
			err := d.pass(attempt{mechanism: "PLAIN", user: w.address, secret: secret})
			if (err == nil) != (d.scope == "smtp") {
				t.Errorf("%s, with an app password to send with: %v", d.name, err)
			}
		})
	}
	done.Wait()
}

// letters are the app password on the page. It is grouped by style only: what a
// person marks and copies has no blanks either.
func (b *browser) letters(t *testing.T) string {
	t.Helper()
	letters := value(t, b, chromedp.Evaluate[string](`document.getElementById("letters").textContent`))
	if !regexp.MustCompile("^[a-hjkmnp-z]{16}$").MatchString(letters) {
		t.Fatalf("the app password is %q", letters)
	}
	return letters
}

// mustBeGone leaves the page with the 16 letters and tries to come back to it.
func (w *walker) mustBeGone(t *testing.T, b *browser) {
	t.Helper()
	b.open(t, "/app-passwords")
	// The answer to a form is not kept: Chromium asks whether to send it again.
	within, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(within, chromedp.NavigateBack()); err == nil || !strings.Contains(err.Error(), "ERR_CACHE_MISS") {
		t.Errorf("Back shows a page: %v", err)
	}
	// Sent again, it makes no second one, and does not show the first.
	if status := b.follow(t, chromedp.Reload()); status >= http.StatusInternalServerError {
		t.Errorf("the form sent again is answered by %d", status)
	}
	w.look(t, b, "app-password-shown")
	if text := strings.Join(strings.Fields(b.text(t, "body")), ""); strings.Contains(text, w.app) {
		t.Errorf("an app password comes back:\n%s", text)
	}
}

// revoke: the mail program is out at once, also where it was in.
func (w *walker) revoke(t *testing.T) {
	b := w.laptop
	idle := w.idle(t, w.app)
	b.open(t, "/app-passwords")
	b.press(t, fmt.Sprintf(`main a[href$="/revoke"][aria-label*=%q]`, thunderbird))
	w.look(t, b, "app-password-revoke")
	b.press(t, "main button.danger")
	b.mustBeAt(t, "/app-passwords")
	mustBeCut(t, idle)
	w.mailRefused(t, w.app)
	w.look(t, b, "app-passwords-revoked")
}
