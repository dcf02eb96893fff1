package examples

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// office is a stack with a portal, and a Kannel whose handset is everybody's
// phone.
type office struct {
	*stack
	kannel *kannel
	url    string
}

// portalSections opens the portal with the place's certificate. The limits are
// those of a test in which one phone and one address do everything.
const portalSections = `
[portal]
url = %[1]q
listen = %[2]q
certificate = %[3]q
key = %[4]q
name = "Example Mail"
help_text = "信息中心 IT desk, 101, 8:00-18:00"
help_phone = "+86 10 5555 0100"

[mail_servers.imap]
host = "imap.example.org"
[mail_servers.pop3]
host = "pop.example.org"
[mail_servers.smtp]
host = "smtp.example.org"

[mail_sessions]
cut = ["doveadm", "kick", "%%u"]

[two_step.domains]
"required.example.org" = 2026-01-01

[sms]
per_number_day = 100
per_account_day = 100
per_source_hour = 1000
`

// newOffice starts everything.
func newOffice(t *testing.T) *office {
	t.Helper()
	p := newPlace(t)
	k := newKannel(t, p)
	port := freePorts(t, 1)[0]
	url := "https://localhost:" + port
	sections := fmt.Sprintf(portalSections, url, net.JoinHostPort("127.0.0.1", port), p.cert, p.key) + kannelSections(t, p, k)
	o := &office{stack: newStackAt(t, p, dovecot23, true, sections), kannel: k, url: url}
	if !o.latchkey.log.await("msg=ready", patience) {
		t.Fatal("latchkey is not ready")
	}
	return o
}

// kannelSections is latchkey.toml of examples/sms-kannel, with its port moved and
// the password in its file.
func kannelSections(t *testing.T, p *place, k *kannel) string {
	t.Helper()
	example, err := os.ReadFile("sms-kannel/latchkey.toml")
	if err != nil {
		t.Fatal(err)
	}
	path := p.write(t, "kannel-password", "change-me\n")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return p.moved(strings.ReplaceAll(string(example), "127.0.0.1:13013", k.sendsms))
}
