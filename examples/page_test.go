package examples

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// open goes to a page of the site, as by typing its address, and gives the
// status of what came.
func (b *browser) open(t *testing.T, path string) int64 {
	t.Helper()
	within, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.Run(within, chromedp.NavigateResponse(b.base+path))
	if err != nil {
		t.Fatalf("%s at %s: %v", b.name, path, err)
	}
	return response.Status
}

// press clicks what the selector names, and waits for the page it leads to.
func (b *browser) press(t *testing.T, selector string) int64 {
	t.Helper()
	return b.follow(t, b.click(selector))
}

// click clicks it; nothing but a click at the middle of what can be seen.
func (b *browser) click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)
}

// follow runs what leads to another page, and gives the status of that.
func (b *browser) follow(t *testing.T, action chromedp.Action[chromedp.Void]) int64 {
	t.Helper()
	within, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(within, action)
	if err != nil {
		t.Fatalf("%s at %s: %v", b.name, b.at(), err)
	}
	return response.Status
}

// fill types into the field of that name.
func (b *browser) fill(t *testing.T, name, text string) {
	t.Helper()
	field := chromedp.CSS(fmt.Sprintf("[name=%q]", name))
	b.do(t, chromedp.Clear(field, chromedp.NodeVisible), chromedp.SendKeys(field, text, chromedp.NodeVisible))
}

// path is where it is, without the host.
func (b *browser) path(t *testing.T) string {
	t.Helper()
	path, _, _ := strings.Cut(strings.TrimPrefix(b.at(), b.base), "?")
	return path
}

// mustBeAt fails unless that page is open.
func (b *browser) mustBeAt(t *testing.T, path string) {
	t.Helper()
	if got := b.path(t); got != path {
		t.Fatalf("%s is at %s, want %s; it says:\n%s", b.name, got, path, b.text(t, "body"))
	}
}

// text is what stands in the first element, as a person sees it.
func (b *browser) text(t *testing.T, selector string) string {
	t.Helper()
	return value(t, b, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).innerText", selector)))
}

// count is how many elements there are.
func (b *browser) count(t *testing.T, selector string) int {
	t.Helper()
	return value(t, b, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
}

// sentTwice is how many forms a double click on the page's form would send. The
// events are those of a click, but lead nowhere: whether the browser has left the
// page before a second click is a matter of luck.
func (b *browser) sentTwice(t *testing.T) int {
	t.Helper()
	return value(t, b, chromedp.Evaluate[int](`(() => {
		const form = document.querySelector("main form");
		const send = () => form.dispatchEvent(new SubmitEvent("submit", {bubbles: true, cancelable: true}));
		return [send(), send()].filter(Boolean).length;
	})()`))
}
