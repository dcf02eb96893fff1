package daemon

import (
	"io"
	"strings"
	"testing"

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

// saslauthdDoor is that socket as a door.
func saslauthdDoor(t *testing.T, d *running) plainDoor {
	door := plainDoor{
		send: func(try matrixTry) *peer {
			login, realm, _ := strings.Cut(try.name, "@")
			return d.saslauthdSend(t, login, try.password, try.service, realm, try.addr.String()+";25")
		},
		read:      func(p *peer) string { return p.all() },
		refusal:   func(sentence string) string { return counted("NO " + sentence) },
		undecided: counted(""),
	}
	door.matrixDoor = matrixDoor{
		mechanisms: []string{"SASLAUTHD"},
		login:      func(try matrixTry) string { return door.read(door.send(try)) },
		accepted:   func(string, string) string { return counted("OK") },
		refused:    func(string) string { return door.refusal(sentence) },
	}
	return door
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
