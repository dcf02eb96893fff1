package examples

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// mostStops is how many things a keyboard may have to pass on one page.
const mostStops = 80

// tabTo presses Tab until the focus is on what the selector names, as who has no
// mouse must.
func (b *browser) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range mostStops {
		if b.tab(t, selector).There {
			return
		}
	}
	t.Fatalf("no Tab key leads to %s at %s", selector, b.path(t))
}

// unreached goes through the page with Tab, and gives what one can use with a
// mouse, but not come to. Of radio buttons with one name a keyboard stops at one.
func (b *browser) unreached(t *testing.T) []string {
	t.Helper()
	b.do(t, chromedp.Evaluate[chromedp.Void](markControls))
	for range mostStops {
		if stop := b.tab(t, "[data-test-reached]"); stop.There {
			break // round
		}
		b.do(t, chromedp.Evaluate[chromedp.Void](`document.activeElement.setAttribute("data-test-reached", "")`))
	}
	return value(t, b, chromedp.Evaluate[[]string](missedControls))
}

const markControls = `for (const el of document.querySelectorAll("[data-test-reached]")) el.removeAttribute("data-test-reached")`

const missedControls = `(() => {
	const missed = [];
	for (const el of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
		if (el.disabled || !el.checkVisibility() || el.hasAttribute("data-test-reached")) continue;
		if (el.type === "radio" && document.querySelector("[data-test-reached][type=radio][name='" + el.name + "']")) continue;
		missed.push(el.outerHTML.slice(0, 200));
	}
	return missed;
})()`

// tab presses Tab and gives what has the focus then. One must see that it is
// there: WCAG 2.2, 2.4.7.
func (b *browser) tab(t *testing.T, selector string) focus {
	t.Helper()
	b.keys(t, kb.Tab)
	stop := value(t, b, chromedp.Evaluate[focus](fmt.Sprintf(focusNow, selector)))
	if !stop.Visible && stop.Tag != "BODY" {
		t.Errorf("at %s nobody can see that the focus is on %s", b.path(t), stop.HTML)
	}
	return stop
}

// focus is the element that keys go to.
type focus struct {
	Tag, HTML string
	There     bool // it is what was looked for
	Visible   bool // it looks other than without the focus: an outline or a ring
}

const focusNow = `(() => {
	const at = document.activeElement, style = getComputedStyle(at);
	return {
		tag: at.tagName, html: at.outerHTML.slice(0, 200), there: at.matches(%q),
		visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none",
	};
})()`

// keys presses keys, wherever the focus is.
func (b *browser) keys(t *testing.T, keys string) {
	t.Helper()
	b.do(t, chromedp.KeyEvent(keys))
}

// enter presses Enter and waits for the page it leads to.
func (b *browser) enter(t *testing.T) int64 {
	t.Helper()
	return b.follow(t, chromedp.KeyEvent(kb.Enter))
}
