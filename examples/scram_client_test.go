package examples

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// dialect is how a protocol carries an exchange, and asks what there is.
type dialect struct {
	begin      string // format, of the mechanism
	respond    string // format, of base64
	challenge  func(c *client, line string) (base64 string, ok bool)
	capability string
	last       func(line string) bool // of its answer
}

// dialect is the one that is spoken behind the door.
func (d door) dialect() dialect {
	after := func(prefix string) func(*client, string) (string, bool) {
		return func(_ *client, line string) (string, bool) {
			rest, ok := strings.CutPrefix(line, prefix)
			return strings.TrimSpace(rest), ok
		}
	}
	switch d.scope {
	case "imap":
		return dialect{"a AUTHENTICATE %s", "%s", after("+"), "c CAPABILITY", prefixed("c ")}
	case "pop3":
		return dialect{"AUTH %s", "%s", after("+ "), "CAPA", func(line string) bool { return line == "." }}
	case "sieve":
		return dialect{`AUTHENTICATE "%s"`, `"%s"`, sieveString, "CAPABILITY", sieveLast}
	}
	return dialect{"AUTH %s", "%s", after("334 "), "EHLO client.example", smtpLast}
}

// sieveString is a line that is a string and nothing else: "text", or {n} and n
// bytes after it.
func sieveString(c *client, line string) (string, bool) {
	n, ok := literal(line)
	if !ok {
		return strings.Trim(line, `"`), strings.HasPrefix(line, `"`)
	}
	text := make([]byte, n+len("\r\n"))
	if _, err := io.ReadFull(c.r, text); err != nil {
		return "", false
	}
	return string(text[:n]), true
}

// kindsOfSCRAM lists those that a server offers on a connection.
func kindsOfSCRAM(t *testing.T, c *client, d door) []string {
	t.Helper()
	var answer strings.Builder
	_, err := c.ask(func(line string) bool {
		answer.WriteString(line + "\n")
		return d.dialect().last(line)
	}, "%s", d.dialect().capability)
	if err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	kinds := regexp.MustCompile("SCRAM-[A-Z0-9-]+").FindAllString(answer.String(), -1)
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// loginSCRAM lets a client that somebody else wrote log in, and gives the answer.
// A server that takes the password must show that it knows it, too.
func (d door) loginSCRAM(c *client, mechanism string, program *scram.ClientConversation) (string, error) {
	if err := c.send(d.dialect().begin, mechanism); err != nil {
		return "", err
	}
	for {
		line, err := c.line()
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(line, "* ") { // IMAP tells something else
			continue
		}
		challenge, more := d.dialect().challenge(c, line)
		if !more && strings.HasPrefix(line, d.accepted) && !program.Valid() {
			return "", fmt.Errorf("%q: the server does not show that it knows the password", line)
		}
		if !more {
			return line, nil
		}
		said, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
		response, err := program.Step(string(said))
		if err != nil {
			return "", fmt.Errorf("%q: %w", said, err)
		}
		if err := c.send(d.dialect().respond, base64.StdEncoding.EncodeToString([]byte(response))); err != nil {
			return "", err
		}
	}
}
