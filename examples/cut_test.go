package examples

import (
	"io"
	"strings"
	"testing"
	"time"
)

// testCut revokes an app password. What it opened ends, and nothing else does,
// until the account is disabled.
func testCut(t *testing.T, s *stack, p *people) {
	address, revoked := p.crowd[0], p.crowdApps[0]
	kept := s.latchkey.addAppPassword(t, address, "")
	phone := idle(t, s.doors[0], address, kept.Secret)
	byMain := idle(t, s.doors[0], address, p.password)
	neighbour := idle(t, s.doors[0], p.crowd[1], p.crowdApps[1].Secret)
	var open []*client
	for _, d := range s.doors {
		c, answer, err := d.try(attempt{mechanism: "PLAIN", user: address, secret: revoked.Secret})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := d.use(c, address); err != nil {
			t.Fatalf("%s: %q, %v", d.name, answer, err)
		}
		open = append(open, c)
	}

	s.latchkey.command(t, "", "app-password", "revoke", address, revoked.ID)
	for i, c := range open {
		if line, err := c.lineUntil(func(string) bool { return false }); err != io.EOF {
			t.Errorf("%s: what the revoked app password opened is not closed: %q, %v", s.doors[i].name, line, err)
		}
	}
	for name, c := range map[string]*client{"another app password": phone, "the main password": byMain, "another account": neighbour} {
		if err := c.expect("j OK", prefixed("j ", "*"), "DONE"); err != nil {
			t.Errorf("opened by %s: %v", name, err)
		}
	}

	s.latchkey.command(t, "", "account", "disable", address)
	mustBeCut(t, phone)
	mustBeCut(t, byMain)
	if err := imapUse(neighbour, p.crowd[1]); err != nil {
		t.Errorf("another account was disabled: %v", err)
	}
}

// idle opens the person's mailbox.
func (w *walker) idle(t *testing.T, secret string) *client {
	t.Helper()
	return idle(t, w.doors[0], w.address, secret)
}

// idle opens a mailbox and waits in it for mail, as a phone does all day
// (RFC 2177).
func idle(t *testing.T, imap door, address, secret string) *client {
	t.Helper()
	c, err := imap.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.expect("i OK", prefixed("i "), `i ID ("name" "Thunderbird" "version" "140.4.0")`); err != nil {
		t.Fatal(err)
	}
	answer, err := imapLogin(c, attempt{mechanism: "PLAIN", user: address, secret: secret})
	if err != nil || !strings.HasPrefix(answer, "a OK") {
		t.Fatal(answer, err)
	}
	if err := imapUse(c, address); err != nil {
		t.Fatal(err)
	}
	if err := c.expect("+", prefixed("+"), "j IDLE"); err != nil {
		t.Fatal(err)
	}
	return c
}

// mustBeCut waits until the server says goodbye. That Dovecot does it by itself,
// for want of mail, would take half an hour.
func mustBeCut(t *testing.T, c *client) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	line, err := c.lineUntil(prefixed("* BYE"))
	if err != nil {
		t.Errorf("the mailbox that was open is not closed: %q, %v", line, err)
	}
}
