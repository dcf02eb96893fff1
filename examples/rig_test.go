package examples

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserRig keeps the tools of the walk from passing everything: a page with
// faults must be seen to have them.
func TestBrowserRig(t *testing.T) {
	requirePeers(t, browserPeers)
	p := newPlace(t)
	site := newFaultySite(t, p)
	b := newBrowser(t, p, "a browser", onWindows, site.URL, "zh-CN")
	b.use(t, desk)

	t.Run("a good page", func(t *testing.T) {
		if status := b.open(t, "/good"); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		if report := b.audit(t); len(report.Violations) > 0 || report.Checked < 5 {
			t.Errorf("axe-core checked %d rules and found\n%v", report.Checked, report)
		}
		if got := b.text(t, "#asked"); got != "zh-CN" {
			t.Errorf("it asks for %q", got)
		}
	})
	t.Run("a bad page", func(t *testing.T) {
		b.open(t, "/bad")
		report := b.audit(t).String()
		for _, rule := range []string{"color-contrast", "label", "target-size", "html-has-lang"} {
			if !strings.Contains(report, rule+": ") {
				t.Errorf("axe-core does not see %s, only\n%s", rule, report)
			}
		}
	})
	t.Run("what no key leads to", func(t *testing.T) {
		b.open(t, "/good")
		if missed := b.unreached(t); len(missed) != 0 {
			t.Errorf("no Tab key leads to %q", missed)
		}
		b.open(t, "/bad")
		if missed := b.unreached(t); len(missed) != 1 || !strings.Contains(missed[0], "pale") {
			t.Errorf("no Tab key leads to %q, want the pale link alone", missed)
		}
	})
	t.Run("what the console says", func(t *testing.T) {
		b.console.take()
		b.open(t, "/good")
		if complaints := b.console.take(); len(complaints) != 0 {
			t.Errorf("complaints about nothing: %q", complaints)
		}
		b.open(t, "/bad")
		complaints := strings.Join(b.console.take(), "\n")
		if !strings.Contains(complaints, "Content Security Policy") || !strings.Contains(complaints, "nothingThere") {
			t.Errorf("a forbidden style and a broken script, and the console says %q", complaints)
		}
	})
	t.Run("the dark is seen", func(t *testing.T) {
		b.open(t, "/good")
		b.use(t, screen{390, 844, "dark"})
		if !strings.Contains(b.audit(t).String(), "color-contrast: ") {
			t.Error("the page is unreadable in the dark, and axe-core does not see it")
		}
		if wide := value(t, b, chromedp.Evaluate[int64]("innerWidth")); wide != 390 {
			t.Errorf("the screen is %d wide", wide)
		}
		b.use(t, desk)
	})
	t.Run("keyboard", func(t *testing.T) {
		b.open(t, "/good")
		b.tabTo(t, "input[name=word]")
		b.keys(t, "hello")
		b.tabTo(t, "form button")
		if status := b.enter(t); status != http.StatusTeapot || b.text(t, "#word") != "hello" {
			t.Errorf("status %d, and it was told %q", status, b.text(t, "#word"))
		}
	})
	t.Run("mouse", func(t *testing.T) {
		b.open(t, "/good")
		b.fill(t, "word", "again")
		if b.press(t, "form button"); b.text(t, "#word") != "again" {
			t.Errorf("it was told %q", b.text(t, "#word"))
		}
	})
	t.Run("clipboard", func(t *testing.T) {
		b.open(t, "/good")
		if copied := b.copied(t, "#copy"); copied != "zh-CN" {
			t.Errorf("copied is %q", copied)
		}
	})
	t.Run("cookies stay in their profile", func(t *testing.T) {
		other := newBrowser(t, p, "another browser", onIPad, site.URL, "en")
		b.open(t, "/good")
		other.open(t, "/good")
		if known, strange := b.text(t, "#cookies"), other.text(t, "#cookies"); known != "1" || strange != "0" {
			t.Errorf("cookies of the one: %s, of the other: %s", known, strange)
		}
	})
}

const goodPage = `<!doctype html><html lang="en"><title>Good</title><meta name="viewport" content="width=device-width">
<style>@media (prefers-color-scheme: dark) { main { color: #444; background: #333 } }</style>
<main><h1>Good</h1><p id="asked">%s</p><p id="cookies">%d</p><p id="word">%s</p>
<button id="copy" onclick="navigator.clipboard.writeText(document.getElementById('asked').innerText)">Copy</button>
<form method="post"><label>Word <input name="word"></label> <button>Send</button></form></main>`

const badPage = `<!doctype html><html><script>nothingThere()</script><title>Bad</title><main><h1>Bad</h1><p><a href="/" tabindex="-1" class="pale">Pale</a></p>
<style>.pale { color: #bbb } button { width: 9px; height: 9px; padding: 0 }</style><p style="color: red">Forbidden</p><input name="word">
<button>a</button><button>b</button></main>`

func newFaultySite(t *testing.T, p *place) *httptest.Server {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		asked, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
		http.SetCookie(w, &http.Cookie{Name: "__Host-known", Value: "1", Path: "/", Secure: true, HttpOnly: true})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprintf(w, goodPage, asked, len(r.Cookies()), r.FormValue("word"))
	})
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "style-src-attr 'none'")
		fmt.Fprint(w, badPage)
	})
	site := httptest.NewUnstartedServer(mux)
	site.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	site.StartTLS()
	t.Cleanup(site.Close)
	return site
}
