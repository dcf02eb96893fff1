package config

import (
	"reflect"
	"testing"
)

func TestMailServers(t *testing.T) {
	c, err := Parse("x", []byte(`
[mail_servers]
pop3.host = "192.0.2.1"
imap = { host = "imap.example.org", encryption = "STARTTLS" }
[mail_servers.smtp]
port = 2525
host = "邮件.example"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := MailServers{
		IMAP: &MailServer{"imap.example.org", 143, "STARTTLS"},
		POP3: &MailServer{"192.0.2.1", 995, "TLS"},
		SMTP: &MailServer{"邮件.example", 2525, "TLS"},
	}
	if !reflect.DeepEqual(c.MailServers, want) {
		t.Errorf("%+v %+v %+v", c.MailServers.IMAP, c.MailServers.POP3, c.MailServers.SMTP)
	}
	for text, port := range map[string]int{
		`imap = { host = "h" }`: 993, `smtp = { host = "h" }`: 465, `smtp = { host = "h", encryption = "STARTTLS" }`: 587,
		`pop3 = { host = "h", encryption = "STARTTLS" }`: 110,
	} {
		c, err := Parse("x", []byte("[mail_servers]\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range c.MailServers.byName() {
			if *server != nil && (*server).Port != port {
				t.Errorf("%s: port %d", text, (*server).Port)
			}
		}
	}
}

func TestCut(t *testing.T) {
	for text, want := range map[string][]string{
		`[]`:                          nil,
		`["doveadm", "kick", "%u"]`:   {"doveadm", "kick", "%u"},
		`["/a", "--%c=%u", "%%", ""]`: {"/a", "--%c=%u", "%%", ""},
	} {
		c, err := Parse("x", []byte("mail_sessions.cut = "+text))
		if err != nil || !reflect.DeepEqual(c.MailSessions.Cut, want) {
			t.Errorf("%s: %q, %v", text, c.MailSessions.Cut, err)
		}
	}
	for _, text := range []string{`["/usr/bin/%u"]`, `["%%"]`, `["./doveadm"]`, `["a/b"]`, `["doveadm", "%"]`, `["doveadm", "%%%"]`,
		`["doveadm", "%d"]`, `["doveadm", "a\nb"]`, `["doveadm", "a\u0000"]`, `[""]`, `["doveadm kick"]`} {
		if c, err := Parse("x", []byte("mail_sessions.cut = "+text)); err == nil {
			t.Errorf("%s was read as %q", text, c.MailSessions.Cut)
		}
	}
}
