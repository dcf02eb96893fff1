package examples

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testCleartext looks at what is offered before TLS: nothing.
func testCleartext(t *testing.T, s *stack) {
	ehlo := func(t *testing.T, c *client) string {
		var all strings.Builder
		_, err := c.ask(func(line string) bool {
			all.WriteString(line + "\n")
			return smtpLast(line)
		}, "EHLO client.example")
		if err != nil {
			t.Fatal(err)
		}
		return all.String()
	}
	for name, address := range map[string]string{"submission through Postfix": s.postfix.submission, "submission through Dovecot": s.dovecot.submission, "port 25": s.postfix.smtp} {
		t.Run(name, func(t *testing.T) {
			c := dialFromAfar(t, address)
			if _, err := c.lineUntil(smtpLast); err != nil {
				t.Fatal(err)
			}
			if answer := ehlo(t, c); strings.Contains(answer, "AUTH") || !strings.Contains(answer, "STARTTLS") {
				t.Errorf("before TLS it offers:\n%s", answer)
			}
			if err := c.expect("5", smtpLast, "AUTH PLAIN %s", attempt{user: "u", secret: "s"}.responses()[0]); err != nil {
				t.Error(err)
			}
			if err := c.expect("220", smtpLast, "STARTTLS"); err != nil {
				t.Fatal(err)
			}
			c.secure(s.place.tls)
			offered := strings.Contains(ehlo(t, c), "AUTH")
			if want := name != "port 25"; offered != want {
				t.Errorf("AUTH offered inside TLS: %v, want %v", offered, want)
			}
		})
	}
	t.Run("a port added without it", func(t *testing.T) {
		// The two ports above demand TLS by themselves; this is for a third.
		if only := mustRun(t, "", "postconf", "-c", s.postfix.conf, "-h", "smtpd_tls_auth_only"); only != "yes\n" {
			t.Errorf("smtpd_tls_auth_only is %q", only)
		}
	})
	t.Run("managesieve", func(t *testing.T) {
		c := dialFromAfar(t, s.dovecot.sieve)
		if _, err := c.lineUntil(sieveLast); err != nil {
			t.Fatal(err)
		}
		if err := c.expect("NO", sieveLast, `AUTHENTICATE "PLAIN" %q`, attempt{user: "u", secret: "s"}.responses()[0]); err != nil {
			t.Error(err)
		}
	})
}

func mustDial(t *testing.T, network, address string) *client {
	t.Helper()
	c, err := dial(network, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dialFromAfar connects from an address that is neither in Postfix's mynetworks
// nor, for Dovecot, the server's own (which it takes for a protected line).
func dialFromAfar(t *testing.T, address string) *client {
	t.Helper()
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: patience}
	conn, err := from.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return newClient(conn)
}

// testMail hands in a mail with an app password, as the README shows it, and
// reads it in the other account's mailbox, where it is waited for with IDLE.
func testMail(t *testing.T, s *stack, p *people) {
	reader, answer, err := s.doors[0].try(attempt{mechanism: "PLAIN", user: p.bound, secret: p.boundApp.Secret})
	if err != nil || !strings.HasPrefix(answer, s.doors[0].accepted) {
		t.Fatal(answer, err)
	}
	defer reader.Close()
	if err := reader.expect("b OK", prefixed("b "), "b SELECT INBOX"); err != nil {
		t.Fatal(err)
	}
	if err := reader.expect("+", prefixed("+"), "c IDLE"); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(s.postfix.submission)
	mustRun(t, "", "swaks", "--server", host, "--port", port, "--tls", "--auth", "PLAIN",
		"--auth-user", p.free, "--auth-password", p.freeApp.Secret,
		"--from", p.free, "--to", p.bound, "--header", "Subject: the door is open")
	if _, err := reader.lineUntil(func(line string) bool { return strings.HasSuffix(line, " EXISTS") }); err != nil {
		t.Fatal(err)
	}
	if err := reader.expect("c OK", prefixed("c "), "DONE"); err != nil {
		t.Fatal(err)
	}
	if err := reader.expect("Subject: the door is open", prefixed("Subject:", "d "), "d FETCH * BODY[HEADER.FIELDS (SUBJECT)]"); err != nil {
		t.Error(err)
	}
}

// testLMTP delivers through Dovecot's LMTP, which asks our userdb socket, and
// lets a stranger ask Postfix's port 25, which asks LMTP.
func testLMTP(t *testing.T, s *stack, p *people) {
	c := mustDial(t, "unix", filepath.Join(s.place.dir, "queue/private/dovecot-lmtp"))
	converse(t, c, []exchange{
		{"250", "LHLO client.example"},
		{"250", "MAIL FROM:<someone@elsewhere.example>"},
		{"550", "RCPT TO:<nobody@example.org>"},
		{"250", "RCPT TO:<" + p.disabled + ">"}, // only its login is closed
		{"250", "RCPT TO:<" + p.free + ">"},
		{"354", "DATA"},
		{"250", "Subject: delivered\r\n\r\nHello.\r\n."},
	})
	if err := c.expect("250", smtpLast, "NOOP"); err != nil { // the second recipient's reply, then NOOP's
		t.Error(err)
	}
	for _, address := range []string{p.disabled, p.free} {
		local, domain, _ := strings.Cut(address, "@")
		found, err := filepath.Glob(filepath.Join(s.place.dir, "vmail", domain, local, "Maildir/[nc]*/*")) // new or cur
		if err != nil || len(found) != 1 {
			t.Errorf("%s has %d new mails, want 1 (%v)", address, len(found), err)
		}
	}
	t.Run("a stranger at port 25", func(t *testing.T) { testStranger(t, s.postfix.smtp, "554", p) })
}

// testStranger is another mail server: it may write to accounts, whose names are
// tried at Dovecot's LMTP, and to nobody else. noRelay is how that is said.
func testStranger(t *testing.T, smtp, noRelay string, p *people) {
	converse(t, dialFromAfar(t, smtp), []exchange{
		{"250", "EHLO client.example"},
		{"250", "MAIL FROM:<someone@elsewhere.example>"},
		{"550", "RCPT TO:<nobody@example.org>"},
		{"250", "RCPT TO:<" + p.disabled + ">"}, // only its login is closed
		{"250", "RCPT TO:<" + p.free + ">"},
		{noRelay, "RCPT TO:<someone@elsewhere.example>"},
	})
}

// exchange is a line for a mail server, and how its answer has to begin.
type exchange struct{ want, send string }

// converse hears a mail server's greeting and has every line answered.
func converse(t *testing.T, c *client, lines []exchange) {
	t.Helper()
	if _, err := c.lineUntil(smtpLast); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if err := c.expect(line.want, smtpLast, "%s", line.send); err != nil {
			t.Errorf("%s: %v", line.send, err)
		}
	}
}

// testDoveadm asks our sockets with Dovecot's own tools, as the README shows.
func testDoveadm(t *testing.T, s *stack, p *people) {
	login, master := filepath.Join(s.dovecot.base, "login/latchkey/auth"), filepath.Join(s.dovecot.base, "auth-master")
	for _, step := range []struct {
		name string
		ok   bool
		want string
		args []string
	}{
		{"user", true, "uid\t5000", []string{"user", p.free}},
		{"user's home", true, filepath.Join(s.place.dir, "vmail/example.org/free"), []string{"user", "-f", "home", p.free}},
		{"user, disabled", true, "gid\t5000", []string{"user", p.disabled}},
		{"user, unknown", false, "doesn't exist", []string{"user", "nobody@example.org"}},
		{"auth test", true, "auth succeeded", []string{"auth", "test", "-a", login, "-x", "service=imap", p.free, p.freeApp.Secret}},
		{"auth test names the app password", true, "user_apw=" + p.freeApp.ID, []string{"auth", "test", "-a", login, "-x", "service=imap", p.free, p.freeApp.Secret}},
		{"auth test, refused", false, sentence, []string{"auth", "test", "-a", login, "-x", "service=imap", p.bound, p.password}},
		{"auth test, wrong scope", false, "auth failed", []string{"auth", "test", "-a", login, "-x", "service=pop3", p.free, p.mailApp.Secret}},
		{"auth login", true, "userdb extra fields", []string{"auth", "login", "-a", login, "-m", master, "-x", "service=imap", p.free, p.freeApp.Secret}},
		{"auth login, refused", false, "auth failed", []string{"auth", "login", "-a", login, "-m", master, "-x", "service=imap", p.free, p.revoked.Secret}},
		{"auth lookup", true, "passdb: " + p.free, []string{"auth", "lookup", p.free}},
		{"auth lookup, unknown", false, "doesn't exist", []string{"auth", "lookup", "nobody@example.org"}},
		{"user, all", true, p.bound + "\ncrowd0@example.org\n", []string{"user", "*"}},
		{"user, all, disabled too", true, p.disabled + "\n" + p.free + "\n", []string{"user", "*@EXAMPLE.org"}},
		{"user, some", true, "crowd7@example.org\n", []string{"user", "crowd?@*"}},
		{"something for all", true, "crowd19@example.org ", []string{"-f", "flow", "mailbox", "status", "-A", "messages", "INBOX"}},
		{"auth cache flush", true, "0 cache entries flushed", []string{"auth", "cache", "flush"}},
		{"auth cache flush, some", true, "0 cache entries flushed", []string{"auth", "cache", "flush", p.free}},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			out, err := s.dovecot.doveadm(t, step.args...)
			if (err == nil) != step.ok || !strings.Contains(out, step.want) {
				t.Errorf("want %q and success %v, got %q, %v", step.want, step.ok, out, err)
			}
		})
	}
}
