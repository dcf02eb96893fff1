package portal

import (
	"context"
	"crypto/rand"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/audit"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	host   = "mail.example.org"
	alice  = "alice@example.org"
	bob    = "bob@example.org"
	root   = store.Actor("root")
	good   = "correct horse"
	number = "13812345678"
	other  = "13987654321"
)

// world is a portal over an engine in memory: the real policy, accounts, store
// and recorder; a clock that a test moves; and a phone that keeps its messages.
type world struct {
	*Server
	t       testing.TB
	handler http.Handler
	cfg     *config.Config
	hasher  *hasher.Counting
	log     *strings.Builder

	mu   sync.Mutex // guards what follows
	now  time.Time
	sent []sms.Message
	fail error // what sending answers
}

func newWorld(t testing.TB) *world { return newWorldOn(t, memkv.New(), nil) }

// newWorldOn is newWorld on another engine and, unless it is nil, another clock.
func newWorldOn(t testing.TB, engine kv.Engine, clock func() time.Time) *world {
	t.Helper()
	keys, err := secret.NewKeys([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC), cfg: testConfig(), hasher: hasher.NewCounting(), log: new(strings.Builder)}
	t.Cleanup(func() { w.hasher.Close() })
	if clock == nil {
		clock = w.clock
	}
	st, err := store.Open(t.Context(), engine, keys, store.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
	recorder := audit.New(st, clock, slog.New(slog.DiscardHandler))
	current := func() *config.Config { return w.cfg }
	w.Server = &Server{
		Accounts: &accounts.Service{
			Store: st, Keys: keys, Now: clock, Rand: rand.Reader, Config: current, Hash: hashOf,
			Flush: recorder.FlushOf, Sender: func() sms.Sender { return w }, Seen: recorder.Seen,
			Network: policy.Network,
		},
		Policy: policy.New(st, keys, w.hasher, policy.Rules{Enforced: func(string, time.Time) bool { return false }}, [32]byte{2}, clock),
		Audit:  recorder, Config: current, Log: log, Now: clock, Rand: rand.Reader,
	}
	if w.handler, err = w.Handler(); err != nil {
		t.Fatal(err)
	}
	return w
}

// testConfig is a portal behind TLS that refuses at once.
func testConfig() *config.Config {
	cfg := config.Default()
	cfg.Portal.URL, cfg.Portal.Name = "https://"+host, "Example Mail"
	cfg.Portal.HelpText, cfg.Portal.HelpPhone = "Helpdesk", "1234"
	cfg.Auth.FailureDelay, cfg.Auth.DefaultDomain = 0, "example.org"
	cfg.TwoStep.Timezone = "UTC"
	return cfg
}

// hashOf is cheap, and good for tests only.
func hashOf(_ context.Context, p secret.Secret) (string, error) {
	return secret.Hash(rand.Reader, p, hasher.TinyCost())
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass moves the clock.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// send is the phone.
func (w *world) Send(_ context.Context, m sms.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.sent = append(w.sent, m)
	return nil
}

// code is the one in the last message.
func (w *world) code() string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) == 0 {
		w.t.Fatal("no message was sent")
	}
	last := w.sent[len(w.sent)-1]
	return string(last.Code[:])
}

// messages is how many were sent.
func (w *world) messages() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// add makes an account.
func (w *world) add(address string) {
	w.t.Helper()
	_, err := w.Accounts.Add(w.t.Context(), root, address, secret.New(good))
	w.must(err)
}

// addBound makes an account with a phone.
func (w *world) addBound(address, number string) {
	w.t.Helper()
	w.add(address)
	_, err := w.Accounts.BindPhone(w.t.Context(), root, address, number)
	w.must(err)
}

// client is one browser: it keeps cookies, and sends the token of the page that
// it saw last.
type client struct {
	w       *world
	cookies map[string]string
	token   string
	agent   string
	addr    netip.Addr
	accept  string
	header  http.Header // further headers
}

func (w *world) client() *client {
	return &client{w: w, cookies: map[string]string{}, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		addr: netip.MustParseAddr("192.0.2.7"), accept: "en"}
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t    testing.TB
	path string // where it came from
}

// do sends one request.
func (c *client) do(method, path, kind, body string) *answer {
	c.w.t.Helper()
	r := httptest.NewRequest(method, c.w.cfg.Portal.URL+path, strings.NewReader(body))
	r.RemoteAddr = netip.AddrPortFrom(c.addr, 40000).String()
	r.Header.Set("User-Agent", c.agent)
	r.Header.Set("Accept-Language", c.accept)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	for name, value := range c.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	a := &answer{httptest.NewRecorder(), c.w.t, path}
	c.w.handler.ServeHTTP(a, r)
	for _, set := range a.Result().Cookies() {
		if set.MaxAge < 0 {
			delete(c.cookies, set.Name)
		} else {
			c.cookies[set.Name] = set.Value
		}
	}
	if found := tokenInput.FindStringSubmatch(a.Body.String()); found != nil {
		c.token = found[1]
	}
	return a
}

var (
	tokenInput = regexp.MustCompile(`name="token" value="([^"]*)"`)
	otherInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// get opens a page.
func (c *client) get(path string) *answer {
	c.w.t.Helper()
	return c.do(http.MethodGet, path, "", "")
}

// post sends a form: name, value, …, and the token.
func (c *client) post(path string, fields ...string) *answer {
	c.w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	if c.token != "" && !form.Has("token") {
		form.Set("token", c.token)
	}
	return c.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// follow opens the pages that answers lead to.
func (c *client) follow(a *answer) *answer {
	c.w.t.Helper()
	for range 5 {
		if a.Code != http.StatusSeeOther {
			return a
		}
		a = c.get(a.Header().Get("Location"))
	}
	c.w.t.Fatal("led in circles")
	return nil
}

// hidden is the value of a hidden field of the page.
func (a *answer) hidden(name string) string {
	a.t.Helper()
	for _, found := range otherInput.FindAllStringSubmatch(a.Body.String(), -1) {
		if found[1] == name {
			return html.UnescapeString(found[2])
		}
	}
	a.t.Fatalf("%s: no hidden field %s", a.path, name)
	return ""
}

// says tells whether the page holds a text of the English catalog.
func (c *client) says(a *answer, key string, values ...any) bool {
	c.w.t.Helper()
	catalog, _ := c.w.pages.catalogs.Find("en")
	text, err := c.w.text(catalog, key, values...)
	c.w.must(err)
	return strings.Contains(html.UnescapeString(a.Body.String()), text)
}

// wants ends the test unless the answer has the status and leads there.
func (a *answer) wants(status int, location string) *answer {
	a.t.Helper()
	if a.Code != status || a.Header().Get("Location") != location {
		a.t.Fatalf("%s: %d, to %q; want %d, to %q\n%s", a.path, a.Code, a.Header().Get("Location"), status, location, a.text())
	}
	return a
}

// text is what a person reads of the page.
func (a *answer) text() string {
	body := a.Body.String()
	if _, after, found := strings.Cut(body, "<main"); found {
		body = "<main" + after
	}
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))), " ")
}

// signIn gives address and password.
func (c *client) signIn(address, password string) *answer {
	c.w.t.Helper()
	c.token = ""
	return c.post(pathSignIn, "address", address, "password", password)
}

// enter signs in, with the code if one is asked for, and stands inside.
func (c *client) enter(address string) {
	c.w.t.Helper()
	a := c.signIn(address, good)
	if a.Header().Get("Location") == pathSignInCode {
		c.get(pathSignInCode)
		a = c.post(pathSignInCode, "code", c.w.code())
	}
	a.wants(http.StatusSeeOther, pathSecurity)
	c.get(pathSecurity)
}

// stepped enters and passes the second step, so that everything is open.
func (c *client) stepped(address string) {
	c.w.t.Helper()
	c.enter(address)
	if a := c.get(pathPassword); a.Code == http.StatusSeeOther {
		c.follow(a)
		c.w.pass(time.Minute)
		c.follow(c.post(pathConfirmSend))
		c.post(pathConfirm, "code", c.w.code()).wants(http.StatusSeeOther, pathSecurity)
		c.get(pathSecurity)
	}
}

// withoutTime drops the lines' times: they are the real clock's, and its digits
// are now and then those that a test says must not be logged.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
