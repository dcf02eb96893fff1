package examples

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// signInByKeyboard: another profile is another browser, so it is asked for the
// code. No mouse comes near it, from the first page to signing out.
func (w *walker) signInByKeyboard(t *testing.T) {
	b := w.tablet
	b.open(t, "/sign-in")
	b.keys(t, w.address) // the first field has the focus
	b.tabTo(t, "[name=password]")
	b.keys(t, w.password)
	b.enter(t)
	b.mustBeAt(t, "/sign-in/code")
	b.keys(t, w.code(t, w.number))
	b.tabTo(t, "#trust")
	b.keys(t, "  ") // ticked, and not
	b.tabTo(t, submit)
	b.enter(t)
	b.mustBeAt(t, "/security")

	// Past the navigation at one stroke: WCAG 2.2, 2.4.1.
	if !b.tab(t, "a.skip").There {
		t.Error("the first thing on a page is not the way to what matters")
	}
	b.keys(t, kb.Enter)
	if stop := b.tab(t, "main *"); !stop.There {
		t.Errorf("past the navigation there is %s", stop.HTML)
	}
	b.tabTo(t, "header form.out button")
	b.enter(t)
	b.mustBeAt(t, "/sign-in")
}

// signInWithoutScripts signs in where no script runs.
func (w *walker) signInWithoutScripts(t *testing.T) {
	b := w.tablet
	b.mayRunScripts(t, false)
	defer b.mayRunScripts(t, true)
	b.open(t, "/security")
	w.signOut(t, b)
	w.signIn(t, b)
	b.mustBeAt(t, "/sign-in/code")
	w.enterCode(t, b, w.number)
	b.mustBeAt(t, "/security")
}

// mayRunScripts lets pages run scripts, or not.
func (b *browser) mayRunScripts(t *testing.T, may bool) {
	t.Helper()
	b.do(t, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !may})
		return err
	}))
}
