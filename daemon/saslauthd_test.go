package daemon

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// saslauthdListener adds a socket for servers with Cyrus SASL.
func saslauthdListener(c *config.Config) {
	c.Listeners = append(c.Listeners, config.Listener{Path: c.RunDir + "/mux", Kind: config.KindSaslauthd, Mode: 0o660})
}

// counted is a string as saslauthd's protocol has it.
func counted(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

// saslauthdSend sends strings, as a client does, and returns the connection.
func (r *running) saslauthdSend(t *testing.T, fields ...string) *peer {
	t.Helper()
	p := dialPath(t, r.cfg.RunDir+"/mux")
	var request string
	for _, f := range fields {
		request += counted(f)
	}
	if _, err := io.WriteString(p.conn, request); err != nil {
		t.Fatal(err)
	}
	return p
}

// all reads to the end of the connection.
func (p *peer) all() string {
	p.t.Helper()
	answer, err := io.ReadAll(p.in)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(answer)
}

// saslauthdAsk returns everything that comes back for a request.
func (r *running) saslauthdAsk(t *testing.T, fields ...string) string {
	t.Helper()
	return r.saslauthdSend(t, fields...).all()
}

// Login and realm make the name as "saslauthd -r" makes it.
func TestSaslauthdNames(t *testing.T) {
	d := start(t, func(c *config.Config) {
		saslauthdListener(c)
		c.Auth.DefaultDomain = "example.org"
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	d.alias(t, "u@example.org", "a@example.org")
	for _, c := range []struct {
		login, realm string
		in           bool
	}{
		{"u", "example.org", true},
		{"U", "Example.ORG", true},
		{"u@example.org", "", true},
		{"u", "", true},
		{"u", "example.net", false},
		{"a", "example.org", false},             // an alias: the server could not be told whose
		{"u@example.org", "example.org", false}, // "u@example.org@example.org": the server goes on with that
		{"u@example.org", "elsewhere.example", false},
		{"", "example.org", false},
		{"", "", false},
		{"u\x00", "example.org", false},
		{strings.Repeat("u", 2000), "", false},
	} {
		want := counted("NO " + sentence)
		if c.in {
			want = counted("OK")
		}
		if got := d.saslauthdAsk(t, c.login, letters, "imap", c.realm); got != want {
			t.Errorf("%.20q of %q: %q, want %q", c.login, c.realm, got, want)
		}
	}
	for _, password := range []string{"", "\xff", strings.Repeat("x", 2000)} {
		if got := d.saslauthdAsk(t, "u", password, "imap", ""); got != counted("NO "+sentence) {
			t.Errorf("password %.10q: %q", password, got)
		}
	}
	if err := d.audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := d.store.Events(t.Context(), store.EventQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, ev := range events {
		n += int(ev.Count)
		if ev.Kind != store.EventLogin || ev.Mechanism != "SASLAUTHD" || ev.Service != "imap" || ev.Addr.IsValid() || ev.Secured {
			t.Errorf("event %+v", ev)
		}
	}
	if n != 15 {
		t.Errorf("%d events, want 15", n)
	}
}

// Every refusal leaves no earlier than failure_delay, whatever the reason, and
// holds nobody else up. So does an answer that nobody could give.
func TestSaslauthdAge(t *testing.T) {
	const delay = 700 * time.Millisecond
	d := start(t, func(c *config.Config) {
		saslauthdListener(c)
		c.Auth.FailureDelay = config.Duration(delay)
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	d.account(t, "bound@example.org", func(a *store.Account) { a.Bound = time.Now() })
	sent := time.Now()
	refused := []*peer{
		d.saslauthdSend(t, "u", "wrong", "imap", "example.org"),
		d.saslauthdSend(t, "nobody", "wrong", "imap", "example.org"),
		d.saslauthdSend(t, "bound", mainPass, "imap", "example.org"),
		d.saslauthdSend(t, "a@b", "wrong", "imap", "c"),
		d.saslauthdSend(t, "", "wrong", "imap", ""),
	}
	if got := d.saslauthdAsk(t, "u", letters, "imap", "example.org"); got != counted("OK") {
		t.Errorf("a good login: %q", got)
	}
	for i, p := range refused {
		if got := p.all(); got != counted("NO "+sentence) || time.Since(sent) < delay {
			t.Errorf("%d: %q at the age of %v", i, got, time.Since(sent))
		}
	}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.broken = true
	sent = time.Now()
	if got := d.saslauthdAsk(t, "u", letters, "imap", "example.org"); got != "\x00\x00" || time.Since(sent) < delay {
		t.Errorf("the store is down: %q at the age of %v", got, time.Since(sent))
	}
}

// A main password whose turn to be hashed does not come is Undecided; an app
// password needs no turn.
func TestSaslauthdBusy(t *testing.T) {
	busy := make(chan struct{})
	d := start(t, saslauthdListener)
	d.block(busy)
	defer close(busy)
	_, letters := d.withAppPassword(t, "u@example.org")
	first := d.saslauthdSend(t, "u", mainPass, "imap", "example.org")
	<-d.blocked
	second := d.saslauthdSend(t, "u", "wrong", "imap", "example.org")
	if got := d.saslauthdAsk(t, "u", letters, "imap", "example.org"); got != counted("OK") {
		t.Errorf("an app password waits for the hasher: %q", got)
	}
	for _, p := range []*peer{first, second} {
		if got := p.all(); got != "\x00\x00" {
			t.Errorf("%q", got)
		}
	}
}

// The configuration refuses this; the door would too.
func TestSaslauthdRequireSecured(t *testing.T) {
	d := start(t, func(c *config.Config) {
		saslauthdListener(c)
		c.Auth.RequireSecured = true
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	if got := d.saslauthdAsk(t, "u", letters, "imap", "example.org"); got != counted("NO "+sentence) {
		t.Errorf("%q", got)
	}
}

// A reload is in force for the next request; a stop lets refusals leave at once.
func TestSaslauthdReloadAndStop(t *testing.T) {
	d := start(t, saslauthdListener)
	d.account(t, "u@example.org", nil)
	next := *d.cfg
	next.Auth.Refusal, next.Auth.DefaultDomain, next.Auth.FailureDelay = "Another sentence.", "example.org", config.Duration(time.Hour)
	d.Reload(&next)
	if got := d.saslauthdAsk(t, "u", mainPass, "imap", ""); got != counted("OK") {
		t.Errorf("%q", got)
	}
	waiting := d.saslauthdSend(t, "u@example.org", "wrong", "imap", "")
	for d.hashed.Load() < 2 {
		time.Sleep(time.Millisecond) // its request arrives
	}
	d.stop()
	if got := waiting.all(); got != counted("NO Another sentence.") {
		t.Errorf("at the stop: %q", got)
	}
}
