package examples

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// client is a mail program with a wire in its hand: it sends lines and reads
// lines. All of the protocols here are that simple as long as it logs in.
type client struct {
	net.Conn
	r *bufio.Reader
}

// dial connects and, with a config, speaks TLS from the first byte.
func dial(network, address string, config *tls.Config) (*client, error) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	return newClient(conn), nil
}

func newClient(conn net.Conn) *client { return &client{Conn: conn, r: bufio.NewReader(conn)} }

// secure goes on in TLS, after STARTTLS was agreed on.
func (c *client) secure(config *tls.Config) {
	c.Conn = tls.Client(c.Conn, config)
	c.r = bufio.NewReader(c.Conn)
}

func (c *client) send(format string, args ...any) error {
	_, err := fmt.Fprintf(c.Conn, format+"\r\n", args...)
	return err
}

func (c *client) line() (string, error) {
	line, err := c.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// lineUntil reads lines until one passes, which it returns.
func (c *client) lineUntil(pass func(string) bool) (string, error) {
	for {
		line, err := c.line()
		if err != nil || pass(line) {
			return line, err
		}
	}
}

// ask sends a command and reads until the line that ends its answer.
func (c *client) ask(last func(string) bool, format string, args ...any) (string, error) {
	if err := c.send(format, args...); err != nil {
		return "", err
	}
	return c.lineUntil(last)
}

// expect is ask for an answer that must begin with want.
func (c *client) expect(want string, last func(string) bool, format string, args ...any) error {
	got, err := c.ask(last, format, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", want, err)
	}
	if !strings.HasPrefix(got, want) {
		return fmt.Errorf("want %q..., got %q", want, got)
	}
	return nil
}

func anyLine(string) bool { return true }

// prefixed passes a line that begins with one of the words.
func prefixed(words ...string) func(string) bool {
	return func(line string) bool {
		for _, w := range words {
			if strings.HasPrefix(line, w) {
				return true
			}
		}
		return false
	}
}

// smtpLast passes the last line of an SMTP reply: "250 ", not "250-".
func smtpLast(line string) bool { return len(line) == 3 || len(line) > 3 && line[3] == ' ' }

// sieveLast passes the line that ends a ManageSieve answer (RFC 5804, 1.2).
var sieveLast = prefixed("OK", "NO", "BYE")

// attempt is what a mail program sends to be let in.
type attempt struct {
	mechanism string // PLAIN or LOGIN
	authz     string // PLAIN's authorization identity, mostly empty
	user      string
	secret    string
}

// responses gives the attempt's messages, in base64.
func (a attempt) responses() []string {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	if a.mechanism == "LOGIN" {
		return []string{encode(a.user), encode(a.secret)}
	}
	return []string{encode(a.authz + "\x00" + a.user + "\x00" + a.secret)}
}

// exchange answers each challenge with the next response, written by format,
// and returns the first line that is no challenge.
func (c *client) exchange(a attempt, challenge func(string) bool, format string) (string, error) {
	for _, response := range append(a.responses(), "") {
		line, err := c.line()
		if err != nil || !challenge(line) {
			return line, err
		}
		if err := c.send(format, response); err != nil {
			return "", err
		}
	}
	return c.line()
}

// --- IMAP (RFC 9051) ---

func imapEnter(c *client, _ door) error {
	_, err := c.lineUntil(prefixed("* OK"))
	return err
}

func imapLogin(c *client, a attempt) (string, error) {
	if err := c.send("a AUTHENTICATE %s", a.mechanism); err != nil {
		return "", err
	}
	line, err := c.exchange(a, prefixed("+"), "%s")
	if err == nil && strings.HasPrefix(line, "*") {
		line, err = c.lineUntil(prefixed("a "))
	}
	return line, err
}

func imapUse(c *client, _ string) error {
	return c.expect("b OK", prefixed("b "), "b SELECT INBOX")
}

// --- POP3 (RFC 1939, 5034) ---

func pop3Enter(c *client, _ door) error {
	_, err := c.lineUntil(prefixed("+OK"))
	return err
}

func pop3Login(c *client, a attempt) (string, error) {
	if err := c.send("AUTH %s", a.mechanism); err != nil {
		return "", err
	}
	return c.exchange(a, prefixed("+ "), "%s")
}

func pop3Use(c *client, _ string) error { return c.expect("+OK", anyLine, "STAT") }

// --- ManageSieve (RFC 5804) ---

func sieveEnter(c *client, d door) error {
	if _, err := c.lineUntil(sieveLast); err != nil {
		return err
	}
	if err := c.expect("OK", sieveLast, "STARTTLS"); err != nil {
		return err
	}
	c.secure(d.tls)
	_, err := c.lineUntil(sieveLast) // capabilities again, inside TLS
	return err
}

func sieveLogin(c *client, a attempt) (string, error) {
	if err := c.send("AUTHENTICATE %q", a.mechanism); err != nil {
		return "", err
	}
	// A challenge is a string: "text" on one line, or {n} and n bytes after it.
	challenge := func(line string) bool {
		if n, ok := literal(line); ok {
			rest := make([]byte, n+len("\r\n"))
			for i := range rest {
				rest[i], _ = c.r.ReadByte()
			}
			return true
		}
		return strings.HasPrefix(line, `"`)
	}
	return c.exchange(a, challenge, `"%s"`)
}

func literal(line string) (int, bool) {
	inner, ok := strings.CutPrefix(line, "{")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimRight(inner, "+}"))
	return n, err == nil && n < 1024
}

func sieveUse(c *client, _ string) error { return c.expect("OK", sieveLast, "LISTSCRIPTS") }

// --- SMTP submission (RFC 6409, 4954) ---

func smtpEnter(c *client, d door) error {
	if _, err := c.lineUntil(smtpLast); err != nil {
		return err
	}
	if err := c.expect("250", smtpLast, "EHLO client.example"); err != nil {
		return err
	}
	if d.wrapped {
		return nil
	}
	if err := c.expect("220", smtpLast, "STARTTLS"); err != nil {
		return err
	}
	c.secure(d.tls)
	return c.expect("250", smtpLast, "EHLO client.example")
}

func smtpLogin(c *client, a attempt) (string, error) {
	if err := c.send("AUTH %s", a.mechanism); err != nil {
		return "", err
	}
	return c.exchange(a, prefixed("334"), "%s")
}

func smtpUse(c *client, user string) error {
	if err := c.expect("250", smtpLast, "MAIL FROM:<%s>", user); err != nil {
		return err
	}
	return c.expect("250", smtpLast, "RCPT TO:<someone@elsewhere.example>")
}
