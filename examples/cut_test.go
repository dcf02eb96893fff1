package examples

import (
	"strings"
	"testing"
	"time"
)

// idle opens the person's mailbox and waits in it for mail, as a phone does all
// day (RFC 2177).
func (w *walker) idle(t *testing.T, secret string) *client {
	t.Helper()
	c, err := w.doors[0].open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.expect("i OK", prefixed("i "), `i ID ("name" "Thunderbird" "version" "140.4.0")`); err != nil {
		t.Fatal(err)
	}
	answer, err := imapLogin(c, attempt{mechanism: "PLAIN", user: w.address, secret: secret})
	if err != nil || !strings.HasPrefix(answer, "a OK") {
		t.Fatal(answer, err)
	}
	if err := imapUse(c, w.address); err != nil {
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
