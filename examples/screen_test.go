package examples

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screenshots is where the pictures of all pages go; nobody commits them.
const screenshots = "../.build/screenshots"

// screen is something that a page is looked at with.
type screen struct {
	width, height int64
	scheme        string // "light" or "dark"
}

func (s screen) String() string { return fmt.Sprintf("%d-%s", s.width, s.scheme) }

// phone tells whether it is held in a hand.
func (s screen) phone() bool { return s.width < 600 }

// desk is what the walks are done at.
var desk = screen{1280, 900, "light"}

// inHand is the phone that lies beside the bed.
var inHand = screen{390, 844, "dark"}

var screens = []screen{desk, {1280, 900, "dark"}, {390, 844, "light"}, inHand}

// narrowest is what a page must fit into without scrolling sideways: WCAG 2.2,
// 1.4.10.
var narrowest = screen{320, 640, "light"}

// use goes on at that screen.
func (b *browser) use(t *testing.T, s screen) {
	t.Helper()
	var held []chromedp.EmulateViewportOption
	if s.phone() {
		held = append(held, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do(t, chromedp.EmulateViewport(s.width, s.height, held...),
		chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: s.scheme},
					{Name: "prefers-reduced-motion", Value: "reduce"}, // no picture of something half way
				},
			})
			return err
		}))
}

// look takes the page's picture on every screen, and on every screen it must be
// fit for people who cannot see or point well, and fit in width. Everything on it
// can be come to with the keyboard, and the console has nothing against it. Its
// name is the picture's.
func (b *browser) look(t *testing.T, name string) {
	t.Helper()
	lang := value(t, b, chromedp.Evaluate[string]("document.documentElement.lang"))
	for _, s := range screens {
		b.use(t, s)
		b.mustFit(t, name, s)
		b.mustBeAccessible(t, name, s)
		save(t, filepath.Join(screenshots, lang, fmt.Sprintf("%s-%v.png", name, s)), value(t, b, wholePage))
		b.show(t, name, lang, s)
	}
	b.use(t, narrowest)
	b.mustFit(t, name, narrowest)
	b.use(t, desk)
	if missed := b.unreached(t); len(missed) > 0 {
		t.Errorf("%s (%s): no Tab key leads to\n%s", name, lang, strings.Join(missed, "\n"))
	}
	if complaints := b.console.take(); len(complaints) > 0 {
		t.Errorf("%s (%s): the console says\n%s", name, lang, strings.Join(complaints, "\n"))
	}
}

// wholePage takes the picture of all of it, packed for speed.
func wholePage(ctx context.Context, tab *chromedp.Target) ([]byte, error) {
	yes := true
	taken, err := cdp.Call(ctx, tab, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &yes, OptimizeForSpeed: &yes,
	})
	return taken.Data, err
}

// mustBeAccessible fails if axe-core finds anything.
func (b *browser) mustBeAccessible(t *testing.T, name string, s screen) {
	t.Helper()
	if report := b.audit(t); len(report.Violations) > 0 || report.Checked == 0 {
		t.Errorf("%s (%v): axe-core checked %d rules and found\n%v", name, s, report.Checked, report)
	}
}

// mustFit fails if the page scrolls sideways.
func (b *browser) mustFit(t *testing.T, name string, s screen) {
	t.Helper()
	if wide := value(t, b, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")); wide > s.width {
		t.Errorf("%s is %d pixels wide on a screen of %d, because of\n%s", name, wide, s.width, value(t, b, chromedp.Evaluate[string](fmt.Sprintf(sticksOut, s.width))))
	}
}

// sticksOut tells which elements end outside of the screen.
const sticksOut = `Array.from(document.querySelectorAll("body *"))
	.filter(el => el.getBoundingClientRect().right > %d)
	.map(el => "<" + el.tagName.toLowerCase() + " class='" + el.className + "'> " + el.textContent.trim().slice(0, 60)).join("\n")`

// shown are the pages whose pictures README shows.
var shown = map[string]bool{"sign-in": true, "sign-in-code": true, "app-password-made": true, "devices": true}

// show puts the page's picture into the folder that LATCHKEY_SCREENSHOTS names,
// if it is one that README shows.
func (b *browser) show(t *testing.T, name, lang string, s screen) {
	t.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	onPhone := s == inHand && name == "app-password-made"
	if folder == "" || !shown[name] || s != desk && !onPhone {
		return
	}
	picture := packed(t, value(t, b, chromedp.CaptureScreenshot()))
	path := filepath.Join(folder, fmt.Sprintf("%s-%s-%v.png", name, lang, s))
	if len(picture) > mostShown {
		t.Errorf("%s has %d bytes, want at most %d", path, len(picture), mostShown)
	}
	save(t, path, picture)
}

// mostShown bounds the pictures that are committed.
const mostShown = 120_000

// packed is the same picture in fewer bytes: Chromium packs for speed.
func packed(t *testing.T, picture []byte) []byte {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, decoded); err != nil {
		t.Fatal(err)
	}
	return small.Bytes()
}

func save(t *testing.T, path string, picture []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
