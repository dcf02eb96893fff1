package examples

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// walker is a person with a mailbox, a phone and two browsers.
type walker struct {
	*office
	lang     string // of the browsers
	address  string
	password string   // main password
	number   string   // as it is typed
	others   []string // numbers for later
	laptop   *browser
	tablet   *browser
	app      string // the app password's 16 letters, once made
	recovery []string
	seen     map[string]bool // names of the pages that were looked at
}

// TestWalk is what a person does with the portal, from the first sign-in to the
// day on which the phone is unbound again, in each language. What it means for
// mail programs is asked of the real Dovecot and Postfix; each code is read off
// the handset; each page is looked at on a desk and in a hand, by day and by
// night.
func TestWalk(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, gatewayPeers, browserPeers)
	o := newOffice(t)
	for _, w := range []*walker{
		{lang: "en", address: "zhang.san@example.org", number: "138 1234 5678", others: []string{"+86 139-1234-5678", "13512345678"}},
		{lang: "zh-CN", address: "li.si@example.org", number: "13712345678", others: []string{"１３６ 1234 5678", "13412345678"}},
	} {
		t.Run(w.lang, func(t *testing.T) {
			w.office, w.password = o, "correct horse 42"
			o.latchkey.addAccount(t, w.address, w.password)
			o.makeSenders(t)
			w.laptop = newBrowser(t, o.place, "the laptop", onWindows, o.url, w.lang)
			w.tablet = newBrowser(t, o.place, "the tablet", onIPad, o.url, w.lang)
			w.laptop.use(t, desk)
			w.tablet.use(t, desk)
			w.seen = map[string]bool{}
			w.walk(t)
			t.Run("no page is forgotten", w.mustHaveSeenAll)
		})
	}
	t.Run("required", func(t *testing.T) { testRequired(t, o) })
	t.Run("no code in Kannel's logs", func(t *testing.T) { o.kannel.mustNotLog(t, o.kannel.handset.codes...) })
}

// walk goes step by step. Each begins where the one before it ended, so the first
// that does not come to its end is the last.
func (w *walker) walk(t *testing.T) {
	for _, step := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"first sign-in", w.signInFirst},
		{"bind a phone", w.bind},
		{"make an app password", w.makeAppPassword},
		{"trust the laptop", w.trust},
		{"no code on the laptop", w.signInTrusted},
		{"a code on the tablet, by keyboard", w.signInByKeyboard},
		{"recovery codes", w.makeRecoveryCodes},
		{"stop trusting", w.untrust},
		{"revoke", w.revoke},
		{"change the number", w.change},
		{"lose the phone", w.recover},
		{"the other pages", w.lookAround},
		{"without scripts", w.signInWithoutScripts},
		{"unbind", w.unbind},
	} {
		ended := false
		t.Run(step.name, func(t *testing.T) {
			step.do(t)
			ended = true
		})
		if !ended {
			return
		}
	}
}

// mailPass: every mail program gets in with the secret. One after the other: a
// main password is hashed for the first, and remembered for the rest. As mail
// programs do, it tries again where the machine was too busy to look.
func (w *walker) mailPass(t *testing.T, secret string) {
	t.Helper()
	for _, d := range w.doors {
		if err := d.passWithin(mostPresses, attempt{mechanism: "PLAIN", user: w.address, secret: secret}); err != nil {
			t.Error(err)
		}
	}
}

// mailRefused: none gets in, and each shows the one sentence. All at once, since
// each waits for it.
func (w *walker) mailRefused(t *testing.T, secret string) {
	t.Helper()
	var done sync.WaitGroup
	for _, d := range w.doors {
		done.Go(func() {
			c, answer, err := d.try(attempt{mechanism: "PLAIN", user: w.address, secret: secret})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if want := d.refused(sentence); answer != want {
				t.Errorf("%s: want %q, got %q", d.name, want, answer)
			}
		})
	}
	done.Wait()
}

// look looks at the page, which must be in the person's language.
func (w *walker) look(t *testing.T, b *browser, name string) {
	t.Helper()
	w.seen[name] = true
	b.look(t, name)
	text := b.text(t, "main") + b.text(t, "header")
	chinese := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	if chinese != (w.lang == "zh-CN") {
		t.Errorf("%s is not in %s:\n%s", name, w.lang, text)
	}
}

// mustHaveSeenAll holds what was looked at against the portal's templates.
func (w *walker) mustHaveSeenAll(t *testing.T) {
	templates, err := filepath.Glob("../daemon/portal/template/*.html")
	if err != nil || len(templates) == 0 {
		t.Fatal("the portal has no templates: ", err)
	}
	for _, file := range templates {
		name := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".html"), "_", "-")
		if !w.seen[name] {
			t.Errorf("nobody looked at %s", name)
		}
	}
}

// code waits for the message that brings a code to a number, and reads it.
func (w *walker) code(t *testing.T, number string) string {
	t.Helper()
	m := w.kannel.handset.next(t)
	digits := strings.NewReplacer("+86", "", " ", "", "-", "").Replace(norm.NFKC.String(number)) // full-width digits, too
	if m.to != "+86"+digits || !strings.HasPrefix(m.body, "Example Mail") {
		t.Errorf("want a message of Example Mail to %s, got %+v", number, m)
	}
	word := map[string]string{"en": " code ", "zh-CN": "验证码"}[w.lang]
	if !strings.Contains(m.body, word) {
		t.Errorf("the message is not in %s: %q", w.lang, m.body)
	}
	return m.code(t)
}

// wrong is a code that is not that one.
func wrong(code string) string {
	last := code[len(code)-1]
	return fmt.Sprintf("%s%c", code[:len(code)-1], '0'+(last-'0'+1)%10)
}
