package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// demoDial connects to the mail server. The connection is closed when ctx ends,
// and by the returned function.
func demoDial(ctx context.Context, addr *net.TCPAddr) (net.Conn, func(), error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, nil, err
	}
	release := context.AfterFunc(ctx, func() { c.Close() })
	return c, func() { release(); c.Close() }, nil
}

// imapLogin logs in over STARTTLS, as a mail program does, and has use work in
// the session, unless it is nil. A refusal is a result, not an error.
func (s *demoSite) imapLogin(ctx context.Context, user, password string, use func(*imapclient.Client) (demoResult, error)) (demoResult, error) {
	conn, hangUp, err := demoDial(ctx, s.mail.Addrs().IMAP)
	if err != nil {
		return demoResult{}, err
	}
	defer hangUp()
	c, err := imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: s.clientTLS()})
	if err != nil {
		return demoResult{}, err
	}
	defer c.Close()
	err = c.Login(user, password).Wait()
	var no *imap.Error
	switch {
	case errors.As(err, &no):
		return demoResult{demoRefused, fmt.Sprintf("%s [%s] %s", no.Type, no.Code, no.Text)}, nil
	case err != nil:
		return demoResult{}, err
	case use != nil:
		return use(c)
	}
	return demoResult{word: demoAccepted}, c.Logout().Wait()
}

// smtpLogin is imapLogin for submission.
func (s *demoSite) smtpLogin(ctx context.Context, user, password string, use func(*smtp.Client) (demoResult, error)) (demoResult, error) {
	conn, hangUp, err := demoDial(ctx, s.mail.Addrs().Submission)
	if err != nil {
		return demoResult{}, err
	}
	defer hangUp()
	c, err := smtp.NewClientStartTLS(conn, s.clientTLS())
	if err != nil {
		return demoResult{}, err
	}
	defer c.Close()
	err = c.Auth(sasl.NewPlainClient("", user, password))
	var no *smtp.SMTPError
	switch {
	case errors.As(err, &no):
		e := no.EnhancedCode
		return demoResult{demoRefused, fmt.Sprintf("%d %d.%d.%d %s", no.Code, e[0], e[1], e[2], no.Message)}, nil
	case err != nil:
		return demoResult{}, err
	case use != nil:
		return use(c)
	}
	return demoResult{word: demoAccepted}, c.Quit()
}

// demoMail is a message from and to one address.
func demoMail(address, subject string) string {
	return strings.ReplaceAll(fmt.Sprintf(
		"From: %[1]s\nTo: %[1]s\nSubject: %[2]s\n\nThis mail came in with an app password.\n", address, subject), "\n", "\r\n")
}

// send submits a message to the sender's own address.
func (s *demoSite) send(ctx context.Context, user, password, subject string) (demoResult, error) {
	return s.smtpLogin(ctx, user, password, func(c *smtp.Client) (demoResult, error) {
		if err := c.SendMail(user, []string{user}, strings.NewReader(demoMail(user, subject))); err != nil {
			return demoResult{}, err
		}
		return demoResult{word: demoSent}, c.Quit()
	})
}

// read looks for a message in the INBOX.
func (s *demoSite) read(ctx context.Context, user, password, subject string) (demoResult, error) {
	return s.imapLogin(ctx, user, password, func(c *imapclient.Client) (demoResult, error) {
		box, err := c.Select("INBOX", nil).Wait()
		if err != nil {
			return demoResult{}, err
		}
		if box.NumMessages == 0 {
			return demoResult{demoMissing, "INBOX is empty"}, nil
		}
		var all imap.SeqSet
		all.AddRange(1, box.NumMessages)
		messages, err := c.Fetch(all, &imap.FetchOptions{Envelope: true}).Collect()
		if err != nil {
			return demoResult{}, err
		}
		for _, m := range messages {
			if m.Envelope != nil && m.Envelope.Subject == subject {
				return demoResult{demoFound, "Subject: " + subject}, c.Logout().Wait()
			}
		}
		return demoResult{demoMissing, fmt.Sprintf("%d other messages", len(messages))}, nil
	})
}
