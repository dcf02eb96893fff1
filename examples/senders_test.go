package examples

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makeSenders runs the example's script, which makes Postfix's table of who may
// send as whom anew.
func (s *stack) makeSenders(t *testing.T) {
	t.Helper()
	if out, err := s.runSenders(s.latchkey.config); err != nil {
		t.Fatalf("latchkey-senders: %v\n%s", err, out)
	}
}

func (s *stack) runSenders(config string) (string, error) {
	cmd := exec.Command("postfix/latchkey-senders", s.postfix.conf)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "LATCHKEY_CONFIG="+config)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// testSenders sends under every kind of name, through each of Postfix's ports, and
// goes in and out by an alias.
func testSenders(t *testing.T, s *stack, p *people) {
	const alias, other = "f.ree@example.org", "crowd.three@example.org"
	s.latchkey.command(t, "", "account", "alias", "add", p.free, alias)
	s.latchkey.command(t, "", "account", "alias", "add", p.crowd[3], other)
	s.makeSenders(t) // Postfix is not reloaded

	notOwned := "553 5.7.1 <%s>: Sender address rejected: not owned by user " + p.free
	for _, d := range s.doors {
		if !strings.Contains(d.name, "Postfix") {
			continue
		}
		for _, user := range []string{p.free, alias, "F.Ree@Example.org"} {
			t.Run(d.name+"/"+user, func(t *testing.T) {
				c, answer, err := d.try(attempt{mechanism: "PLAIN", user: user, secret: p.freeApp.Secret})
				if err != nil || !strings.HasPrefix(answer, d.accepted) {
					t.Fatal(answer, err)
				}
				defer c.Close()
				for from, want := range map[string]string{
					p.free: "250", alias: "250", "free+lists@example.org": "250", "Free@Example.ORG": "250", "": "250",
					p.bound: notOwned, p.disabled: notOwned, p.crowd[0]: notOwned, other: notOwned,
					"nobody@example.org": notOwned, "someone@elsewhere.example": notOwned,
				} {
					if strings.Contains(want, "%s") {
						want = fmt.Sprintf(want, from)
					}
					if err := c.expect("250", smtpLast, "MAIL FROM:<%s>", from); err != nil {
						t.Errorf("from %q: %v", from, err)
					}
					if err := c.expect(want, smtpLast, "RCPT TO:<%s>", p.bound); err != nil { // refusals wait for it
						t.Errorf("from %q: %v", from, err)
					}
					if err := c.expect("250", smtpLast, "RSET"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	t.Run("taken away", func(t *testing.T) {
		s.latchkey.command(t, "", "account", "alias", "remove", p.crowd[3], other)
		s.makeSenders(t)
		out, err := s.send(p.crowd[3], p.crowdApps[3].Secret, other)
		if err == nil || !strings.Contains(out, "553 5.7.1") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("the old table stays", func(t *testing.T) {
		if out, err := s.runSenders("/nonexistent/latchkey.toml"); err == nil {
			t.Errorf("no configuration, and all is well: %s", out)
		}
		if out, err := s.send(p.free, p.freeApp.Secret, alias); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("everywhere", func(t *testing.T) { testAliasEverywhere(t, s, p, alias) })
}

// send hands in a mail to that sender, with swaks.
func (s *stack) send(user, secret, from string) (string, error) {
	host, port, _ := net.SplitHostPort(s.postfix.submission)
	return run("", "swaks", "--server", host, "--port", port, "--tls", "--auth", "PLAIN",
		"--auth-user", user, "--auth-password", secret, "--from", from, "--to", from)
}

// testAliasEverywhere logs in by an alias at every door and asks for it, with
// Dovecot's own tools: they are told the account's address.
func testAliasEverywhere(t *testing.T, s *stack, p *people, alias string) {
	for _, d := range s.doors {
		mustPass(t, d, attempt{mechanism: "LOGIN", user: alias, secret: p.freeApp.Secret})
	}
	t.Run("refused", func(t *testing.T) {
		mustBeRefused(t, s.doors[0], attempt{mechanism: "PLAIN", user: alias, secret: p.revoked.Secret})
	})
	home := filepath.Join(s.place.dir, "vmail/example.org/free")
	if out, err := s.dovecot.doveadm(t, "user", "-f", "home", alias); err != nil || strings.TrimSpace(out) != home {
		t.Errorf("doveadm user: %q, %v", out, err)
	}
	login := filepath.Join(s.dovecot.base, "login/latchkey/auth")
	if out, err := s.dovecot.doveadm(t, "auth", "test", "-a", login, "-x", "service=imap", alias, p.freeApp.Secret); err != nil || !strings.Contains(out, "user="+p.free) {
		t.Errorf("doveadm auth test: %q, %v", out, err)
	}

	const subject = "Subject: to another name"
	c := mustDial(t, "unix", filepath.Join(s.place.dir, "queue/private/dovecot-lmtp"))
	converse(t, c, []exchange{
		{"250", "LHLO client.example"},
		{"250", "MAIL FROM:<someone@elsewhere.example>"},
		{"250", "RCPT TO:<" + alias + ">"},
		{"354", "DATA"},
		{"250", subject + "\r\n\r\nHello.\r\n."},
	})
	if !hasNewMail(t, home, subject) {
		t.Error("mail for the alias is not in the account's mailbox")
	}
	if _, err := os.Stat(filepath.Join(s.place.dir, "vmail/example.org/f.ree")); err == nil {
		t.Error("the alias has a mailbox of its own")
	}
}

// hasNewMail looks for a header line in the mails that nobody has read.
func hasNewMail(t *testing.T, home, header string) bool {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(home, "Maildir/new/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), header+"\n") {
			return true
		}
	}
	return false
}
