package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// ours are the sockets of the examples.
var ours = []Socket{
	{config.KindClient, "/run/latchkey/auth-client"},
	{config.KindClient, "/run/dovecot/login/latchkey/auth"},
	{config.KindMaster, "/run/dovecot/auth-master"},
	{config.KindUserdb, "/run/dovecot/auth-userdb"},
	{config.KindClient, "/var/spool/postfix/private/latchkey"},
}

// anybody may connect to everything.
func anybody(string, string, string) error { return nil }

// recorded answers what doveconf and postconf were recorded to print, in a folder
// of testdata.
func recorded(folder string) func(context.Context, string, ...string) ([]byte, error) {
	return func(_ context.Context, program string, args ...string) ([]byte, error) {
		name := program
		if program == "postconf" {
			name += args[0]
		}
		return os.ReadFile(filepath.Join("testdata", folder, name))
	}
}

// show is a report as people might read it.
func show(reports ...Report) string {
	var b strings.Builder
	for _, r := range reports {
		fmt.Fprintln(&b, r.Part)
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "%-8s %s\n", f.Level, f.Text)
			for _, line := range f.Fix {
				fmt.Fprintln(&b, "         | "+line)
			}
		}
	}
	return b.String()
}

// TestRecorded judges what real servers printed: Debian's own configurations, the
// examples, and broken ones. LATCHKEY_UPDATE=1 writes what is wanted anew.
func TestRecorded(t *testing.T) {
	for folder, open := range map[string]int{
		"stock-2.3": 4, "example-2.3": 0, "broken-2.3": 4,
		"stock-2.4": 4, "example-2.4": 0, "broken-2.4": 6,
	} {
		m := &Machine{Connects: anybody, Sockets: ours, Run: recorded(folder)}
		dovecot, postfix := m.Dovecot(t.Context()), m.Postfix(t.Context())
		if n := Count([]Report{dovecot, postfix}, Open); n != open {
			t.Errorf("%s: %d doors open, want %d", folder, n, open)
		}
		got, file := show(dovecot, postfix), filepath.Join("testdata", folder, "want")
		if os.Getenv("LATCHKEY_UPDATE") != "" {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s", folder, got)
		}
	}
}

// TestFixes: what is told to change, changed, closes the door.
func TestFixes(t *testing.T) {
	m := &Machine{Connects: anybody, Sockets: ours, Run: recorded("stock-2.3")}
	for _, f := range m.Dovecot(t.Context()).Findings {
		if f.Level != Open {
			continue
		}
		fixed := "# 2.3.19.1 (x): /etc/dovecot/dovecot.conf\nprotocols = imap pop3 sieve submission\n" + strings.Join(f.Fix[1:], "\n")
		d := &dovecotCheck{doveconf: parseDoveconf([]byte(fixed)), m: m, base: "/run/dovecot"}
		d.logins()
		name, _, _ := strings.Cut(f.Text, " ")
		if got := show(d.Report); !strings.Contains(got, "good     "+name+" asks latchkey at /run/dovecot/login/latchkey/auth") {
			t.Errorf("%s\n%s", fixed, got)
		}
	}
}

// TestLogin: whom a login service asks, by its section.
func TestLogin(t *testing.T) {
	const head23, head24 = "# 2.3.19.1 (x): /a\nprotocols = imap\n", "# 2.4.1 (x): /a\nprotocols {\nimap = yes\n}\n"
	for _, tt := range []struct {
		conf string
		want Level
	}{
		{head23, Open}, // no section, so the default
		{head23 + "service imap-login {\nexecutable = imap-login latchkey/auth\n}", Good},
		{head23 + "service imap-login {\nexecutable = /usr/lib/dovecot/imap-login -D latchkey/auth\n}", Good},
		{head23 + "service imap-login {\nexecutable = imap-login latchkey/auth other\n}", Open},
		{head23 + "service imap-login {\nchroot =\nexecutable = imap-login latchkey/auth\n}", Open},
		{head23 + "service imap-login {\nchroot =\nexecutable = imap-login login/latchkey/auth\n}", Good},
		{head23 + "service imap-login {\nchroot =\nexecutable = imap-login /run/dovecot/login/latchkey/auth\n}", Good},
		{head23 + "service imap-login {\nexecutable = imap-login ../login/latchkey/auth\n}", Good},
		{head23 + "login_socket_path = latchkey/auth\n", Open}, // a setting of 2.4
		{head23 + "service imap-login {\ninet_listener imap {\nport = 0\n}\n}", Note},
		{head23 + "service imap-login {\ninet_listener imap {\nport = 0\n}\nunix_listener x {\n}\n}", Open},
		{"protocols = pop3\nservice imap-login {\n}\nservice pop3-login {\nexecutable = pop3-login latchkey/auth\n}", Good},
		{head24, Open},
		{head24 + "login_socket_path = latchkey/auth\n", Good},
		{head24 + "login_socket_path = latchkey/auth\nprotocol imap {\nlogin_socket_path = login\n}", Open},
		{head24 + "login_socket_path = latchkey/auth\nprotocol pop3 {\nlogin_socket_path = login\n}", Good},
		{head24 + "login_socket_path = latchkey/auth\nremote 192.0.2.0/24 {\nlogin_socket_path = login\n}", Open},
		{head24 + "service imap-login {\nexecutable = imap-login latchkey/auth\n}", Open},
		{head24 + "service imap-login {\nexecutable = imap-login latchkey/auth\n}\nlogin_socket_path = latchkey/auth", Good},
		{head24 + "service imap-login {\nexecutable = imap-login login\n}\nlogin_socket_path = latchkey/auth", Open},
		{"# 2.4.1 (x): /a\nlogin_socket_path = latchkey/auth\nservice mine {\nexecutable = imap-login other\n}", Open},
		// What 2.4 has built in, and does not print, listens.
		{head24 + "service imap-login {\ninet_listener imap {\nport = 0\n}\n}", Open},
		{head24 + "service imap-login {\ninet_listener imaps {\nport = 0\n}\ninet_listener other {\nport = 0\n}\n}", Open},
		{head24 + "service imap-login {\ninet_listener imap {\nport = 0\n}\ninet_listener imaps {\n}\n}", Open},
		{head24 + "service imap-login {\ninet_listener imap {\nport = 0\n}\ninet_listener imaps {\nport = 0\n}\n}", Note},
		{"# 2.4.1 (x): /a\nprotocols = pop3\nservice pop3-login {\ninet_listener pop3 {\nport = 0\n}\n}", Open},
		{"# 2.4.1 (x): /a\nprotocols = pop3\nservice pop3-login {\ninet_listener pop3 {\nport = 0\n}\ninet_listener pop3s {\nport = 0\n}\n}", Note},
		{"# 2.4.1 (x): /a\nprotocols = submission\nservice submission-login {\ninet_listener submission {\nport = 0\n}\n}", Open},
		{"# 2.4.1 (x): /a\nprotocols = sieve\nservice managesieve-login {\ninet_listener sieve {\nport = 0\n}\n}", Note},
		{"# 2.4.1 (x): /a\nprotocols = sieve\nservice managesieve-login {\ninet_listener sieve_deprecated {\nport = 0\n}\n}", Open},
		{"# 2.4.1 (x): /a\nservice mine {\nexecutable = imap-login other\ninet_listener a {\nport = 0\n}\n}", Note}, // it has only what is printed
	} {
		d := &dovecotCheck{doveconf: parseDoveconf([]byte(tt.conf)), m: &Machine{Connects: anybody, Sockets: ours}, base: "/run/dovecot"}
		d.logins()
		if len(d.Findings) != 1 || d.Findings[0].Level != tt.want {
			t.Errorf("want %s of\n%s\ngot\n%s", tt.want, tt.conf, show(d.Report))
		}
	}
}

// TestBinding: a mechanism that binds is offered over TLS 1.3 alone, or warned of.
func TestBinding(t *testing.T) {
	const head, login = "# 2.4.1 (x): /a\nprotocols {\nimap = yes\n}\n", "login_socket_path = latchkey/auth\n"
	for _, tt := range []struct {
		conf    string
		kind    config.Kind
		binding []string
		want    string // the version that is warned of
	}{
		{head + login + "ssl_min_protocol = TLSv1.2\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, "TLSv1.2"},
		{head + login, config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, "TLSv1.2"}, // the default
		{head + login + "ssl_min_protocol = ANY\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, "ANY"},
		{head + login + "ssl_min_protocol = TLSv1.3\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, ""},
		{head + login + "ssl_min_protocol = latest\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, ""},
		{head + login + "ssl_min_protocol = TLSv1.3\nprotocol imap {\nssl_min_protocol = TLSv1.1\n}\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, "TLSv1.1"},
		{head + login + "ssl_min_protocol = TLSv1.3\nprotocol pop3 {\nssl_min_protocol = TLSv1.1\n}\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, ""},
		{head + login + "ssl_min_protocol = TLSv1.2\n", config.KindLogin, nil, ""},
		{head + login + "ssl_min_protocol = TLSv1.2\n", config.KindClient, []string{"SCRAM-SHA-256-PLUS"}, ""}, // not told there
		{head + "ssl_min_protocol = TLSv1.2\n", config.KindLogin, []string{"SCRAM-SHA-256-PLUS"}, ""},          // asks somebody else
	} {
		m := &Machine{Connects: anybody, Sockets: []Socket{{tt.kind, "/run/dovecot/login/latchkey/auth"}}, Binding: tt.binding,
			Run: func(context.Context, string, ...string) ([]byte, error) { return []byte(tt.conf), nil }}
		var said []string
		for _, f := range m.Dovecot(t.Context()).Findings {
			if strings.Contains(f.Text, "TLS") {
				said = append(said, string(f.Level)+" "+f.Text+"|"+strings.Join(f.Fix, "|"))
			}
		}
		var want []string
		if tt.want != "" {
			want = []string{"warning latchkey offers SCRAM-SHA-256-PLUS, which needs TLS 1.3, and ssl_min_protocol is " + tt.want +
				": when somebody tries it over less, a login process of Dovecot 2.4.1 panics, and takes along the other connections that it serves" +
				"|at the end of /a, or of what it includes last:|  ssl_min_protocol = TLSv1.3"}
		}
		if !slices.Equal(said, want) {
			t.Errorf("%s\nsaid %q\nwant %q", tt.conf, said, want)
		}
	}
}

// TestParse: sections in each other, quotes, and what is not understood.
func TestParse(t *testing.T) {
	c := parseDoveconf([]byte("# Pigeonhole: x\n# 2.4.1-4 (7d8c): /etc/d.conf\na = \"b \\\"c\\\\\"\ne =\nmailbox \"Sent Messages\" {\n f = g = {\n}\n"))
	if c.version != "2.4.1-4" || c.file != "/etc/d.conf" || !c.is24() || c.settings["a"] != `b "c\` || c.setting("e", "x") != "x" || c.odd != 0 {
		t.Errorf("%+v", c)
	}
	if s := c.find("mailbox", "Sent Messages"); s == nil || s.settings["f"] != "g = {" {
		t.Errorf("%+v", s)
	}
	for text, want := range map[string]int{"}": 1, "service a {": 1, "two words": 1, strings.Repeat("a {\n", maxDepth) + strings.Repeat("}\n", maxDepth): 0, "a b = c": 1} {
		if c := parseDoveconf([]byte(text)); c.odd != want {
			t.Errorf("%q: %d lines not understood, want %d", text, c.odd, want)
		}
	}
}

// TestSMTPD: whom an smtpd asks.
func TestSMTPD(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ours":    "pwcheck_method: saslauthd\nsaslauthd_path: private/saslauthd\nmech_list: PLAIN LOGIN\n",
		"theirs":  "pwcheck_method: saslauthd\nsaslauthd_path: /run/saslauthd/mux\nmech_list: PLAIN LOGIN\n",
		"db":      "pwcheck_method: auxprop\nsaslauthd_path: private/saslauthd\nmech_list: PLAIN LOGIN\n",
		"more":    "pwcheck_method: saslauthd\nsaslauthd_path: private/saslauthd\nmech_list: PLAIN CRAM-MD5\n",
		"all":     "pwcheck_method: saslauthd\nsaslauthd_path: private/saslauthd\n",
		"default": "pwcheck_method: saslauthd\nmech_list: PLAIN\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sockets := append([]Socket{{config.KindSaslauthd, "/var/spool/postfix/private/saslauthd"}, {config.KindClient, "127.0.0.1:1234"}}, ours...)
	for _, tt := range []struct {
		chroot, main, overrides string
		want                    Level
	}{
		{"y", "", "", Note},
		{"y", "smtpd_sasl_auth_enable = yes", "", Open}, // Cyrus SASL by default
		{"y", "smtpd_sasl_auth_enable = YES", "", Open},
		{"y", "smtpd_sasl_auth_enable = No", "", Note},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_auth_enable = no", Note},
		{"y", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/latchkey", "x/inet/smtpd_sasl_auth_enable = yes", Good},
		{"n", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/latchkey", "x/inet/smtpd_sasl_auth_enable = yes", Good},
		{"n", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = unix:private/latchkey", "x/inet/smtpd_sasl_auth_enable = yes", Good},
		{"n", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = /var/spool/postfix/private/latchkey", "x/inet/smtpd_sasl_auth_enable = yes", Good},
		{"y", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = /var/spool/postfix/private/latchkey", "x/inet/smtpd_sasl_auth_enable = yes", Open},
		{"y", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = /private/latchkey", "x/inet/smtpd_sasl_auth_enable = yes", Good},
		{"y", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:1234", "x/inet/smtpd_sasl_auth_enable = yes", Good},
		{"y", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:1235", "x/inet/smtpd_sasl_auth_enable = yes", Open},
		{"y", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth", "x/inet/smtpd_sasl_auth_enable = yes", Open},
		{"y", "smtpd_sasl_type = other", "x/inet/smtpd_sasl_auth_enable = yes", Open},
		{"y", "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/latchkey", "x/inet/smtpd_sasl_type = cyrus", Open},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = ours", Good},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = theirs", Open},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = db", Open},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = more", Open},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = all", Open},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = default", Open},
		{"y", "smtpd_sasl_auth_enable = yes", "x/inet/smtpd_sasl_path = ../../etc/x", Open},
	} {
		m := &Machine{Connects: anybody, Sockets: sockets, Run: func(_ context.Context, _ string, args ...string) ([]byte, error) {
			switch args[0] {
			case "-x":
				return []byte("smtpd_sasl_auth_enable = no\n" + tt.main + "\ncyrus_sasl_config_path = " + dir + "\nqueue_directory = /var/spool/postfix\n"), nil
			case "-M":
				return []byte("x inet n - " + tt.chroot + " - - smtpd -o something\ny unix - - n - - smtp\n"), nil
			}
			return []byte(tt.overrides + "\nx/inet/other = 1\n"), nil
		}}
		if r := m.Postfix(t.Context()); len(r.Findings) != 1 || r.Findings[0].Level != tt.want {
			t.Errorf("chroot %s, %q, %q: want %s, got\n%s", tt.chroot, tt.main, tt.overrides, tt.want, show(r))
		}
	}
}

// TestAbsentAndBroken: a server that is not here is no mistake; one whose
// configuration cannot be read, or understood, may ask anybody.
func TestAbsentAndBroken(t *testing.T) {
	for err, want := range map[error]Level{ErrAbsent: Note, errors.New("exit status 89: line 3: unknown setting"): Open, nil: Open} {
		m := &Machine{Connects: anybody, Run: func(context.Context, string, ...string) ([]byte, error) { return nil, err }}
		for _, r := range []Report{m.Dovecot(t.Context()), m.Postfix(t.Context())} {
			if len(r.Findings) != 1 || r.Findings[0].Level != want {
				t.Errorf("%v: %s", err, show(r))
			}
		}
	}
}

// TestOtherConfiguration: the flags reach the servers' tools.
func TestOtherConfiguration(t *testing.T) {
	var asked []string
	m := &Machine{Connects: anybody, DovecotConfig: "/a/dovecot.conf", PostfixConfig: "/a/postfix", Run: func(_ context.Context, program string, args ...string) ([]byte, error) {
		asked = append(asked, program+" "+strings.Join(args, " "))
		return nil, nil
	}}
	m.Dovecot(t.Context())
	m.Postfix(t.Context())
	for i, want := range []string{"doveconf -a -c /a/dovecot.conf", "postconf -c /a/postfix -x ", "postconf -c /a/postfix -M", "postconf -c /a/postfix -Px"} {
		if i >= len(asked) || !strings.HasPrefix(asked[i], want) {
			t.Errorf("%q; want %q", asked, want)
		}
	}
}

// FuzzDovecot: whatever doveconf prints, there is a judgement, on lines that a
// terminal shows as they are.
func FuzzDovecot(f *testing.F) {
	for _, folder := range []string{"broken-2.3", "broken-2.4"} {
		text, err := os.ReadFile(filepath.Join("testdata", folder, "doveconf"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("protocols = imap\nservice imap-login {\nexecutable =\n}\n"))
	f.Add([]byte(strings.Repeat("a {\n", 100)))
	f.Add([]byte("}\n}\nservice auth {\nunix_listener \"a\x1b\" {\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &Machine{Connects: anybody, Sockets: ours, Run: func(context.Context, string, ...string) ([]byte, error) { return text, nil }}
		judged(t, m.Dovecot(t.Context()))
	})
}

// FuzzPostfix is FuzzDovecot for postconf.
func FuzzPostfix(f *testing.F) {
	f.Add([]byte("smtpd_sasl_auth_enable = yes\nsmtpd_sasl_path = private/auth\n"), []byte("a inet n - y - - smtpd\n"), []byte("a/inet/smtpd_sasl_type = dovecot\n"))
	f.Add([]byte("="), []byte("\x1b inet n - y - - /smtpd"), []byte("/=/"))
	f.Fuzz(func(t *testing.T, main, master, overrides []byte) {
		m := &Machine{Connects: anybody, Sockets: ours, PostfixConfig: t.TempDir(), Run: func(_ context.Context, _ string, args ...string) ([]byte, error) {
			return map[string][]byte{"-x": main, "-M": master, "-Px": overrides}[args[2]], nil
		}}
		judged(t, m.Postfix(t.Context()))
	})
}

func judged(t *testing.T, r Report) {
	t.Helper()
	if len(r.Findings) == 0 {
		t.Error("no finding")
	}
	for _, line := range strings.Split(strings.TrimSuffix(show(r), "\n"), "\n") {
		if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }); i >= 0 {
			t.Errorf("a control character in %q", line)
		}
	}
	if bytes.ContainsRune([]byte(r.Part), '\n') {
		t.Errorf("two lines: %q", r.Part)
	}
}
