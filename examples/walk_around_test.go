package examples

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// lookAround opens the pages that no other step comes to.
func (w *walker) lookAround(t *testing.T) {
	b := w.laptop
	w.signIn(t, b)
	w.enterCode(t, b, w.number)
	b.open(t, "/guide")
	w.look(t, b, "guide")
	if status := b.open(t, "/nowhere"); status != http.StatusNotFound {
		t.Errorf("a page that does not exist is answered by %d", status)
	}
	w.look(t, b, "error")

	b.open(t, "/security")
	for _, lang := range []string{map[string]string{"en": "zh-CN", "zh-CN": "en"}[w.lang], w.lang} {
		b.press(t, `button[name="language"][value="`+lang+`"]`)
		b.mustBeAt(t, "/security")
		if got := value(t, b, chromedp.Evaluate[string]("document.documentElement.lang")); got != lang {
			t.Errorf("the language chosen is %s, the page is in %s", lang, got)
		}
	}
}
