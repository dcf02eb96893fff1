package harness

import (
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const message = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\nA line.\r\n"

func (f *fixture) submit(to ...string) error {
	f.Helper()
	c, err := smtp.DialStartTLS(f.Addrs().Submission.String(), f.clientTLS())
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", "alice@example.org", "app")); err != nil {
		f.Fatal(err)
	}
	return c.SendMail("alice@example.org", to, strings.NewReader(message))
}

// inbox returns the messages in a user's INBOX, read by IMAP.
func (f *fixture) inbox(user string) []string {
	f.Helper()
	c, err := imapclient.DialTLS(f.Addrs().IMAPS.String(), &imapclient.Options{TLSConfig: f.clientTLS()})
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(user, "app").Wait(); err != nil {
		f.Fatal(err)
	}
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		f.Fatal(err)
	}
	if box.NumMessages == 0 {
		return nil
	}
	var all imap.SeqSet
	all.AddRange(1, 0)
	whole := &imap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		f.Fatal(err)
	}
	var texts []string
	for _, m := range messages {
		texts = append(texts, string(m.FindBodySection(whole)))
	}
	return texts
}

func TestMailLandsInTheInbox(t *testing.T) {
	f := newFixture(t)
	if err := f.submit("Bob@Example.ORG", "bob@example.org", "alice@example.org"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"alice@example.org", "bob@example.org"} {
		got := f.inbox(user)
		if len(got) != 1 || !strings.HasPrefix(got[0], "Received: from ") || !strings.HasSuffix(got[0], message) {
			t.Errorf("INBOX of %s: %q", user, got)
		}
	}
}

func TestRecipients(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().Submissions, true)
	k.script(`
		S: 220 *
		C: HELO test
		S: 250 *
		C: MAIL FROM:<alice@example.org>
		S: 530 5.7.0 Authentication required
		C: AUTH PLAIN ` + plain("app") + `
		S: 235 *
		C: MAIL FROM:<alice@example.org>
		S: 250 *
		C: RCPT TO:<nobody@example.org>
		S: 550 5.1.1 *
		C: RCPT TO:<someone@elsewhere.example>
		S: 550 5.1.1 *
		C: RCPT TO:<down@example.org>
		S: 451 4.3.0 Temporary lookup failure
		C: DATA
		S: 502 *
		C: RCPT TO:<bob@example.org>
		S: 250 *`)
	f.stop()
	k.script("C: RCPT TO:<alice@example.org>\nS: 451 4.3.0 *")
}

func TestLocalWithoutUserdb(t *testing.T) {
	f := newFixture(t)
	f.opts.UserdbSocket = ""
	if err := f.submit("alice@example.org"); err == nil || !strings.Contains(err.Error(), "No such user") {
		t.Errorf("before alice's first IMAP login: %v", err)
	}
	f.inbox("alice@example.org")
	if err := f.submit("Alice@example.org"); err != nil {
		t.Error(err)
	}
	if got := f.inbox("alice@example.org"); len(got) != 1 {
		t.Errorf("INBOX: %q", got)
	}
}

func TestFullMailbox(t *testing.T) {
	f := newFixture(t)
	if err := f.mail.deliver("bob@example.org", make([]byte, maxInbox-10), f.opts.Now()); err != nil {
		t.Fatal(err)
	}
	if err := f.submit("bob@example.org"); err == nil || !strings.Contains(err.Error(), "Mailbox is full") {
		t.Errorf("got %v", err)
	}
}

func TestTooLargeMessage(t *testing.T) {
	f := newFixture(t)
	c, err := smtp.DialTLS(f.Addrs().Submissions.String(), f.clientTLS())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", "alice@example.org", "app")); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("alice@example.org", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("bob@example.org", nil); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, strings.Repeat(strings.Repeat("x", 998)+"\r\n", maxMessage/1000+1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "552") {
		t.Errorf("got %v", err)
	}
	if got := f.inbox("bob@example.org"); len(got) != 0 {
		t.Errorf("INBOX has %d messages", len(got))
	}
}
