package examples

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// A door is one way for a mail program to get in.
type door struct {
	name    string
	scope   string // what an app password must be good for
	service string // what its server calls itself to latchkey
	address string
	enter   func(c *client, d door) error                         // up to the point of logging in
	login   func(c *client, a attempt) (answer string, err error) // one AUTH
	use     func(c *client, user string) error                    // proves that the session behind it works
	tls     *tls.Config
	wrapped bool // TLS from the first byte

	accepted    string              // how the answer to a good login begins
	refused     func(string) string // the answer that carries the sentence
	unavailable string              // how the answer begins if nobody can tell
	stranger    string              // how the answer to a strange authorization identity begins
}

// open connects and goes to the point of logging in.
func (d door) open() (*client, error) {
	config := d.tls
	if !d.wrapped {
		config = nil
	}
	c, err := dial("tcp", d.address, config)
	if err != nil {
		return nil, err
	}
	if err := d.enter(c, d); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: before login: %w", d.name, err)
	}
	return c, nil
}

// try connects and logs in. The connection stays open only after a good login.
func (d door) try(a attempt) (*client, string, error) {
	c, err := d.open()
	if err != nil {
		return nil, "", err
	}
	answer, err := d.login(c, a)
	if err != nil {
		c.Close()
		return nil, answer, fmt.Errorf("%s: login: %w", d.name, err)
	}
	return c, answer, nil
}

// decided repeats a login while nobody can tell, a few times in all, as a person
// would: where the machine has much else to do, a password may not be looked at
// in time.
func (d door) decided(login func() (answer string, err error)) (answer string, err error) {
	for range 5 {
		answer, err = login()
		if err != nil || !strings.HasPrefix(answer, d.unavailable) {
			break
		}
	}
	return answer, err
}

// tryDecided is try until somebody can tell.
func (d door) tryDecided(a attempt) (c *client, answer string, err error) {
	answer, err = d.decided(func() (string, error) {
		if c != nil {
			c.Close()
		}
		c, answer, err = d.try(a)
		return answer, err
	})
	return c, answer, err
}

// pass logs in, uses the session and leaves.
func (d door) pass(a attempt) error { return d.passWithin(1, a) }

// passWithin is pass, but comes again while nobody can tell, a few times in all.
func (d door) passWithin(tries int, a attempt) error {
	c, answer, err := d.try(a)
	if err != nil {
		return err
	}
	defer c.Close()
	if tries > 1 && strings.HasPrefix(answer, d.unavailable) {
		return d.passWithin(tries-1, a)
	}
	if !strings.HasPrefix(answer, d.accepted) {
		return fmt.Errorf("%s: %q", d.name, answer)
	}
	if err := d.use(c, a.user); err != nil {
		return fmt.Errorf("%s: after login: %w", d.name, err)
	}
	return nil
}

// doors lists the ways into a stack. What a client sees comes from the servers' sources:
// src/imap-login/client-authenticate.c and its likes in Dovecot,
// src/smtpd/smtpd_sasl_glue.c in Postfix.
func doors(s *stack) []door {
	list := []door{
		{
			name: "imap", scope: "imap", service: "imap", address: s.dovecot.imaps, wrapped: true,
			enter: imapEnter, login: imapLogin, use: imapUse, accepted: "a OK",
			refused:     func(text string) string { return "a NO [ALERT] " + text },
			unavailable: "a NO [UNAVAILABLE] Temporary authentication failure.",
			stranger:    "a NO [AUTHORIZATIONFAILED] ",
		},
		{
			name: "pop3", scope: "pop3", service: "pop3", address: s.dovecot.pop3s, wrapped: true,
			enter: pop3Enter, login: pop3Login, use: pop3Use, accepted: "+OK",
			refused:     func(text string) string { return "-ERR [AUTH] " + text },
			unavailable: "-ERR [SYS/TEMP] Temporary authentication failure.",
			stranger:    "-ERR [AUTH] ",
		},
		{
			name: "managesieve", scope: "sieve", service: "sieve", address: s.dovecot.sieve,
			enter: sieveEnter, login: sieveLogin, use: sieveUse, accepted: "OK",
			refused:     func(text string) string { return `NO "` + text + `"` },
			unavailable: `NO (TRYLATER) "Temporary authentication failure.`,
			stranger:    `NO `,
		},
		{
			name: "submission through Dovecot", scope: "smtp", service: "submission", address: s.dovecot.submission,
			enter: smtpEnter, login: smtpLogin, use: smtpUse, accepted: "235",
			refused:     func(text string) string { return "535 5.7.8 " + text },
			unavailable: "454 4.7.0 Temporary authentication failure.",
			stranger:    "535 5.7.8 ",
		},
	}
	if s.dovecot.series == dovecot23 { // beside the other Dovecot it would be the same Postfix again
		list = append(list,
			postfixDoor("submission through Postfix", s.postfix.submission, false),
			postfixDoor("port 465 of Postfix", s.postfix.submissions, true),
			postfixDoor("port 994 of Postfix", s.postfix.port994, true))
	}
	for i := range list {
		list[i].tls = s.place.tls
	}
	return list
}

func postfixDoor(name, address string, wrapped bool) door {
	return door{
		name: name, scope: "smtp", service: "smtp", address: address, wrapped: wrapped,
		enter: smtpEnter, login: smtpLogin, use: smtpUse, accepted: "235",
		refused:     func(text string) string { return "535 5.7.8 Error: authentication failed: " + text },
		unavailable: "454 4.7.0 Temporary authentication failure: ",
		stranger:    "535 5.7.8 ",
	}
}
