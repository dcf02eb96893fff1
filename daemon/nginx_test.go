package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/store"
)

// nginxListener adds a socket for nginx, and servers behind it.
func nginxListener(c *config.Config) {
	c.Listeners = append(c.Listeners, config.Listener{Path: c.RunDir + "/nginx", Kind: config.KindNginx, Mode: 0o660})
	c.Nginx = config.Nginx{
		IMAP: &config.Upstream{Server: netip.MustParseAddr("192.0.2.1"), Port: 143},
		POP3: &config.Upstream{Server: netip.MustParseAddr("2001:db8::1"), Port: 110},
		SMTP: &config.Upstream{Server: netip.MustParseAddr("192.0.2.3"), Port: 2525},
	}
}

// nginxEscape is NGX_ESCAPE_MAIL_AUTH.
func nginxEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '%' {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// nginxLogin is the request that nginx makes of a login, with more headers.
func nginxLogin(protocol, user, password string, more ...string) string {
	lines := append([]string{
		"GET /auth HTTP/1.0", "Host: localhost", "Auth-Method: plain", "Auth-User: " + nginxEscape(user), "Auth-Pass: " + nginxEscape(password),
		"Auth-Protocol: " + protocol, "Auth-Login-Attempt: 1",
	}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// nginxSend sends a request, as nginx does, and returns the connection.
func (r *running) nginxSend(t *testing.T, request string) *peer {
	t.Helper()
	p := dialPath(t, r.cfg.RunDir+"/nginx")
	if _, err := io.WriteString(p.conn, request); err != nil {
		t.Fatal(err)
	}
	return p
}

// nginxAsk returns the headers of the answer, with the status line under "".
func (r *running) nginxAsk(t *testing.T, request string) map[string]string {
	t.Helper()
	return r.nginxSend(t, request).headers()
}

func (p *peer) headers() map[string]string {
	p.t.Helper()
	answer := p.all()
	head, _, _ := strings.Cut(answer, "\r\n\r\n")
	if len(head) > 1000 {
		p.t.Errorf("nginx has room for 1024 bytes, not for %d", len(head))
	}
	lines := strings.Split(head, "\r\n")
	headers := map[string]string{"": lines[0]}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		headers[name] = value
	}
	delete(headers, "Content-Length")
	delete(headers, "Connection")
	return headers
}

// nginxDoor is that socket as a door.
func nginxDoor(t *testing.T, d *running) plainDoor {
	door := plainDoor{
		send: func(try matrixTry) *peer {
			return d.nginxSend(t, nginxLogin(try.service, try.name, try.password, "Client-IP: "+try.addr.String()))
		},
		read: func(p *peer) string {
			got := p.headers()
			for _, word := range []string{"[ALERT] ", "[AUTH] "} { // of IMAP and POP3
				got["Auth-Status"] = strings.TrimPrefix(got["Auth-Status"], word)
			}
			return got["Auth-Status"] + "|" + got["Auth-Error-Code"] + "|" + got["Auth-User"] + "|" + got["Auth-Wait"]
		},
		refusal:   func(sentence string) string { return sentence + "|535 5.7.8||1" },
		undecided: "[UNAVAILABLE] Temporary authentication failure.|454 4.7.0||1",
	}
	door.matrixDoor = matrixDoor{
		mechanisms: []string{"PLAIN"},
		services:   []string{"imap", "pop3", "smtp"},
		login:      func(try matrixTry) string { return door.read(door.send(try)) },
		accepted:   func(address, _ string) string { return "OK||" + address + "|" },
		refused:    func(string) string { return door.refusal(sentence) },
	}
	return door
}

// What nginx is told of a good login, of a bad one and of one that cannot be
// decided, in each protocol.
func TestNginxAnswers(t *testing.T) {
	d := start(t, nginxListener)
	_, letters := d.withAppPassword(t, "u@example.org")
	const status = "HTTP/1.0 200 OK"
	good := map[string]map[string]string{
		"imap": {"": status, "Auth-Status": "OK", "Auth-Server": "192.0.2.1", "Auth-Port": "143", "Auth-User": "u@example.org"},
		"pop3": {"": status, "Auth-Status": "OK", "Auth-Server": "2001:db8::1", "Auth-Port": "110", "Auth-User": "u@example.org"},
		"smtp": {"": status, "Auth-Status": "OK", "Auth-Server": "192.0.2.3", "Auth-Port": "2525", "Auth-User": "u@example.org"},
	}
	bad := map[string]string{"imap": "[ALERT] " + sentence, "pop3": "[AUTH] " + sentence, "smtp": sentence}
	for protocol, want := range good {
		if got := d.nginxAsk(t, nginxLogin(protocol, "U@Example.org", letters)); !maps.Equal(got, want) {
			t.Errorf("%s, good: %v", protocol, got)
		}
		want := map[string]string{"": status, "Auth-Status": bad[protocol], "Auth-Error-Code": "535 5.7.8", "Auth-Wait": "1"}
		if got := d.nginxAsk(t, nginxLogin(protocol, "u@example.org", "wrong")); !maps.Equal(got, want) {
			t.Errorf("%s, wrong: %v", protocol, got)
		}
	}
	// The tenth try on a connection is its last.
	tenth := strings.Replace(nginxLogin("imap", "u@example.org", "wrong"), "Attempt: 1", "Attempt: 10", 1)
	if got := d.nginxAsk(t, tenth); got["Auth-Wait"] != "" || got["Auth-Status"] != bad["imap"] {
		t.Errorf("the tenth try: %v", got)
	}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.broken = true
	for protocol, text := range map[string]string{"imap": "[UNAVAILABLE] ", "pop3": "[SYS/TEMP] ", "smtp": ""} {
		want := map[string]string{"": status, "Auth-Status": text + "Temporary authentication failure.", "Auth-Error-Code": "454 4.7.0", "Auth-Wait": "1"}
		if got := d.nginxAsk(t, nginxLogin(protocol, "u@example.org", letters)); !maps.Equal(got, want) {
			t.Errorf("%s, the store is down: %v", protocol, got)
		}
	}
}

// Who gets in and who does not, whatever stands in the headers.
func TestNginxRequests(t *testing.T) {
	d := start(t, func(c *config.Config) {
		nginxListener(c)
		c.Auth.DefaultDomain = "example.org"
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	blanks := letters[:4] + " " + letters[4:8] + " " + letters[8:12] + " " + letters[12:]
	login := nginxLogin("imap", "u@example.org", letters)
	for name, c := range map[string]struct {
		request string
		in      bool
	}{
		"as it should be":      {login, true},
		"without a domain":     {nginxLogin("imap", "u", letters), true},
		"with blanks":          {nginxLogin("imap", "u@example.org", blanks), true},
		"HTTP/1.1":             {strings.Replace(login, "HTTP/1.0", "HTTP/1.1", 1), true},
		"small letters in hex": {strings.Replace(login, "Auth-User: u", "Auth-User: %75", 1), true},
		"no method":            {strings.Replace(login, "Auth-Method: plain\r\n", "", 1), false},
		"APOP":                 {strings.Replace(login, "plain", "apop", 1), false},
		"CRAM-MD5":             {strings.Replace(login, "plain", "cram-md5", 1), false},
		"EXTERNAL":             {strings.Replace(login, "plain", "external", 1), false},
		"no login at all":      {strings.Replace(login, "plain", "none", 1), false},
		"half an escape":       {strings.Replace(login, "Auth-User: u", "Auth-User: %7", 1), false},
		"a NUL":                {nginxLogin("imap", "u@example.org\x00", letters), false},
		"no UTF-8":             {nginxLogin("imap", "u@example.org", "\xff\xfe"), false},
		"no name":              {nginxLogin("imap", "", letters), false},
		"no password":          {nginxLogin("imap", "u@example.org", ""), false},
		"two names":            {nginxLogin("imap", "u@example.org", letters, "Auth-User: u@example.org"), false},
		"long":                 {nginxLogin("imap", strings.Repeat("u", 9000), letters), false},
	} {
		got := d.nginxAsk(t, c.request)
		if in := got["Auth-Status"] == "OK"; in != c.in || !in && got["Auth-Status"] != "[ALERT] "+sentence {
			t.Errorf("%s: %v", name, got)
		}
	}
	// No protocol that is known: nobody can be passed on.
	for _, protocol := range []string{"sieve", ""} {
		if got := d.nginxAsk(t, nginxLogin(protocol, "u@example.org", letters)); got["Auth-Status"] != "Temporary authentication failure." {
			t.Errorf("protocol %q: %v", protocol, got)
		}
	}
	// What net/http refuses holds nothing that nginx could take for an answer.
	for name, request := range map[string]string{
		"DEL":      nginxLogin("imap", "u@example.org", "\x7f"),
		"too long": nginxLogin("imap", strings.Repeat("u", 40000), letters),
		"no HTTP":  "AUTH\t1\tPLAIN\r\n\r\n",
	} {
		answer, _ := io.ReadAll(d.nginxSend(t, request).in) // may end in a reset: not all was read
		if head := string(answer); !strings.HasPrefix(head, "HTTP/1.1 4") || strings.Contains(head, "Auth-") {
			t.Errorf("%s: %q", name, head)
		}
	}
}

// The event says what nginx said.
func TestNginxEvents(t *testing.T) {
	d := start(t, nginxListener)
	_, letters := d.withAppPassword(t, "u@example.org")
	type fact struct {
		reason             store.Reason
		service, mechanism string
		addr               string
		secured            bool
	}
	want := map[fact]bool{
		{store.ReasonAppPassword, "imap", "PLAIN", "198.51.100.7", true}: true,
		{store.ReasonAppPassword, "pop3", "PLAIN", "2001:db8::7", false}: true,
		{store.ReasonAppPassword, "smtp", "PLAIN", "invalid IP", false}:  true,
		{store.ReasonMalformed, "imap", "CRAM-MD5", "192.0.2.9", false}:  true,
	}
	d.nginxAsk(t, nginxLogin("imap", "u@example.org", letters, "Client-IP: 198.51.100.7", "Auth-SSL: on"))
	d.nginxAsk(t, nginxLogin("pop3", "u@example.org", letters, "Client-IP: 2001:db8::7", "Auth-SSL: off"))
	d.nginxAsk(t, nginxLogin("smtp", "u@example.org", letters, "Client-IP: unix:"))
	d.nginxAsk(t, strings.Replace(nginxLogin("imap", "u@example.org", letters, "Client-IP: ::ffff:192.0.2.9"), "plain", "cram-md5", 1))
	if err := d.audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := d.store.Events(t.Context(), store.EventQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		f := fact{e.Reason, e.Service, e.Mechanism, e.Addr.String(), e.Secured}
		if !want[f] {
			t.Errorf("event %+v", f)
		}
		delete(want, f)
	}
	for f := range want {
		t.Errorf("no event %+v", f)
	}
}

func TestNginxRequireSecured(t *testing.T) {
	d := start(t, func(c *config.Config) {
		nginxListener(c)
		c.Auth.RequireSecured = true
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	for header, want := range map[string]string{"Auth-SSL: on": "OK", "Auth-SSL: off": sentence, "Auth-SSL: ": sentence, "X: y": sentence} {
		if got := d.nginxAsk(t, nginxLogin("smtp", "u@example.org", letters, header)); got["Auth-Status"] != want {
			t.Errorf("%s: %v", header, got)
		}
	}
}

// Who does not know the secret learns nothing and leaves no event; the log names
// the mistake, and no secret.
func TestNginxSecret(t *testing.T) {
	const secret, other = "the secret of nginx", "another secret of nginx"
	file := filepath.Join(t.TempDir(), "secret")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(secret + "\n")
	d := start(t, func(c *config.Config) {
		nginxListener(c)
		c.Nginx.SecretFile = file
	})
	_, letters := d.withAppPassword(t, "u@example.org")
	d.stop()
	said := new(book)
	d = startLogging(t, d.cfg, slog.New(slog.NewTextHandler(said, nil)))
	knows := func(word string) string { return nginxLogin("imap", "u@example.org", letters, "X-Auth-Key: "+word) }
	in := func(request string, want bool) {
		t.Helper()
		got := d.nginxAsk(t, request)
		if want && got["Auth-Status"] == "OK" {
			return
		}
		if want || !strings.Contains(got[""], " 403 ") || got["Auth-Status"] != "" {
			t.Errorf("%v", got)
		}
	}
	in(knows(secret), true)
	in(knows(secret+"x"), false)
	in(knows(secret[1:]), false)
	in(knows(""), false)
	in(nginxLogin("imap", "u@example.org", letters), false)
	in(nginxLogin("imap", "u@example.org", letters, "X-Auth-Key: "+secret, "X-Auth-Key: "+secret), false)

	put(other)
	d.Reload(d.cfg)
	in(knows(other), true)
	in(knows(secret), false)
	put("short")
	d.Reload(d.cfg) // goes on as before
	in(knows(other), true)
	text := said.String()
	for what, n := range map[string]int{"nginx is answered as before": 1, "has not the secret": 1, "secret of nginx": 0, letters: 0} {
		if strings.Count(text, what) != n {
			t.Errorf("%q is %d times in the log:\n%s", what, strings.Count(text, what), text)
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
	for _, e := range events {
		n += int(e.Count)
	}
	if n != 3 {
		t.Errorf("%d events of 3 decisions", n)
	}
	d.stop()
	local := hasher.Options{Workers: 1, Start: func() (hasher.Worker, error) { return hasher.Local(), nil }}
	if again, err := Open(d.cfg, Options{Hasher: local}); err == nil || !strings.HasSuffix(err.Error(), file+" has less than 16 characters") {
		t.Errorf("it starts without a secret: %v", err)
		if err == nil {
			again.Close()
		}
	}
	if command, err := Open(d.cfg, Options{Offline: true}); err != nil {
		t.Errorf("a command needs it: %v", err)
	} else if err := command.Close(); err != nil {
		t.Error(err)
	}
}

// A reload is in force for the next request.
func TestNginxReload(t *testing.T) {
	d := start(t, nginxListener)
	d.account(t, "u@example.org", nil)
	next := *d.cfg
	next.Nginx.IMAP = &config.Upstream{Server: netip.MustParseAddr("192.0.2.99"), Port: 1143}
	d.Reload(&next)
	if got := d.nginxAsk(t, nginxLogin("imap", "u@example.org", mainPass)); got["Auth-Server"] != "192.0.2.99" || got["Auth-Port"] != "1143" {
		t.Errorf("%v", got)
	}
}

// book keeps what a daemon logs.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
