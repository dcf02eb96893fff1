package examples

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// chromium is Debian's.
const chromium = "/usr/bin/chromium"

// browser is a Chromium of its own, with a profile that no other has: what one
// browser was given as cookies, another does not know.
type browser struct {
	name    string
	base    string // of the site's addresses: "https://localhost:1234"
	ctx     context.Context
	console *complaints
}

// What the browsers of the walk say they are.
const (
	onWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
	onIPad    = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

// newBrowser starts one that knows the place's certificate and, of the languages
// of the site, prefers lang. It ends with the test.
func newBrowser(t *testing.T, p *place, name, agent, base, lang string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, // it refuses to run as root with it
		chromedp.DisableGPU,
		chromedp.Flag("ignore-certificate-errors-spki-list", keyPin(t, p)),
		chromedp.UserAgent(agent),
		chromedp.Flag("accept-lang", lang),
		chromedp.Flag("lang", lang),
		chromedp.WindowSize(1280, 900))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(t.Logf), chromedp.WithLogf(t.Logf))
	b := &browser{name: name, base: base, ctx: ctx, console: &complaints{}}
	t.Cleanup(func() {
		within, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := chromedp.Cancel(within); err != nil {
			t.Errorf("%s does not end: %v", name, err)
		}
		end()
		endAllocator()
	})
	if err := chromedp.Do(ctx); err != nil { // starts it
		t.Fatalf("%s: %v", name, err)
	}
	b.console.hear(t, b)
	return b
}

// keyPin names the place's key, so that nothing but it is trusted.
func keyPin(t *testing.T, p *place) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(pair.Leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// do runs actions, within our patience.
func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	within, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(within, actions...); err != nil {
		t.Fatalf("%s at %s: %v", b.name, b.at(), err)
	}
}

// value runs an action that gives something.
func value[T any](t *testing.T, b *browser, action chromedp.Action[T]) T {
	t.Helper()
	within, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(within, action)
	if err != nil {
		t.Fatalf("%s at %s: %v", b.name, b.at(), err)
	}
	return got
}

// at is where it stands, for messages.
func (b *browser) at() string {
	within, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	at, err := chromedp.Run(within, chromedp.Location())
	if err != nil {
		return fmt.Sprintf("(unknown: %v)", err)
	}
	return at
}
