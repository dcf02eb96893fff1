package examples

import (
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// copied presses a button, and gives what is in the clipboard then. To write to
// it, a page needs no more than a person's click; to read it, the test answers the
// question that Chromium asks.
func (b *browser) copied(t *testing.T, button string) string {
	t.Helper()
	_, err := chromedp.CallBrowser(b.ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
		Permission: &cdpbrowser.PermissionDescriptor{Name: "clipboard-read"},
		Setting:    cdpbrowser.PermissionSettingGranted,
		Origin:     b.base,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, b.click(button))
	return value(t, b, chromedp.PollFunction[string]("() => navigator.clipboard.readText()", chromedp.WithPollingTimeout(patience)))
}
