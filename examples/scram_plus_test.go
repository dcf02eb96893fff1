package examples

import (
	"crypto/tls"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// TestSCRAMPlus logs mail programs in by SCRAM with channel binding, which of the
// mail servers Dovecot 2.4 alone can do, on sockets of kind "login".
func TestSCRAMPlus(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, gsaslPeers, debian13Peers)
	s := newStack(t, dovecot24, true)
	p := newFew(t, s.latchkey)
	s.dovecot.listenIMAP(t)
	s.clientSocketForPOP3(t)
	s.offer(t, `["PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]`)
	s.doors = append(s.doors, postfixDoor("submission through Postfix", s.postfix.submission, false))

	t.Run("offered", func(t *testing.T) { testSCRAMOffered(t, s) })
	t.Run("at work", func(t *testing.T) { // all at once: most of it is waiting for refusals
		for name, test := range map[string]func(*testing.T){
			"gsasl":             func(t *testing.T) { testGsaslPlus(t, s, p) },
			"sessions":          func(t *testing.T) { testSCRAMSessions(t, s, p) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("events", func(t *testing.T) {
		wantEvents(t, s, p.free, "SCRAM-SHA-256-PLUS accepted", "SCRAM-SHA-256-PLUS wrong-secret", "SCRAM-SHA-256-PLUS revoked")
		wantEvents(t, s, p.bound, "SCRAM-SHA-256-PLUS accepted", "SCRAM-SHA-256-PLUS wrong-secret")
	})
	t.Run("latchkey's log", func(t *testing.T) { testLog(t, s, p) })
}

// clientSocketForPOP3 lets POP3's login processes ask on a socket of kind
// "client", as Dovecot 2.3 and other mail servers do.
func (s *stack) clientSocketForPOP3(t *testing.T) {
	t.Helper()
	path := filepath.Join(s.dovecot.base, "login/latchkey/client")
	s.latchkey.sockets = append(s.latchkey.sockets, openSocket(t, unit{"client", path, "dovenull", 0o660}))
	s.dovecot.overlay(t, "protocol pop3 {\n  login_socket_path = latchkey/client\n}\n")
}

// hasBinding says whether a door offers SCRAM with channel binding inside TLS.
func hasBinding(s *stack, d door) bool {
	return s.dovecot.series == dovecot24 && d.scope != "pop3" && d.service != "smtp"
}

// testSCRAMOffered reads what the doors say before and inside TLS.
func testSCRAMOffered(t *testing.T, s *stack) {
	for _, d := range s.doors {
		c, err := d.open()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		want := []string{"SCRAM-SHA-256"}
		if hasBinding(s, d) {
			want = append(want, "SCRAM-SHA-256-PLUS")
		}
		if got := kindsOfSCRAM(t, c, d); !slices.Equal(got, want) {
			t.Errorf("%s: inside TLS it offers %q, want %q", d.name, got, want)
		}
		if d.wrapped {
			continue
		}
		before := mustDial(t, "tcp", d.address)
		if _, err := before.lineUntil(d.dialect().last); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: before TLS it offers %q", d.name, kindsOfSCRAM(t, before, d))
	}
}

// testGsaslPlus is Debian's own client, with and without a binding.
func testGsaslPlus(t *testing.T, s *stack, p *people) {
	letters := p.freeApp.Secret
	grouped := letters[:4] + " " + letters[4:8] + " " + letters[8:12] + " " + letters[12:]
	doors := map[string]struct {
		protocol, address, refused string
	}{
		"imap":       {"--imap", s.dovecot.imap, ". NO [ALERT] " + sentence},
		"submission": {"--smtp", s.dovecot.submission, "535 5.7.8 " + sentence},
	}
	for name, d := range doors {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} {
			for _, row := range []struct {
				name, user, secret string
				pass               bool
			}{
				{"app password", p.free, letters, true},
				{"app password in groups", p.free, grouped, true},
				{"phone bound", p.bound, p.boundApp.Secret, true},
				{"main password, no phone", p.free, p.password, false},
				{"main password, phone bound", p.bound, p.password, false},
				{"wrong", p.free, "wrong horse 42", false},
				{"revoked", p.free, p.revoked.Secret, false},
				{"unknown", "nobody@example.org", letters, false},
			} {
				t.Run(name+"/"+mechanism+"/"+row.name, func(t *testing.T) {
					t.Parallel()
					pass, said := gsasl(d.protocol, d.address, mechanism, row.user, row.secret, "--starttls", "--x509-ca-file="+s.place.cert)
					if pass != row.pass || strings.Contains(said, d.refused) == pass {
						t.Errorf("passes: %v, want %v\n%s", pass, row.pass, said)
					}
				})
			}
		}
	}
}

// testSCRAMSessions opens mailboxes, and tries what a client does that somebody
// between it and the server has deceived.
func testSCRAMSessions(t *testing.T, s *stack, p *people) {
	program := func(secret string) *scram.Client {
		made, err := scram.SHA256.NewClient(p.free, secret, "")
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	bound := func(channel *client, secret string) *scram.ClientConversation {
		state := channel.Conn.(*tls.Conn).ConnectionState()
		binding, err := scram.NewTLSExporterBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		return program(secret).NewConversationWithChannelBinding(binding)
	}
	for _, d := range s.doors {
		for _, row := range []struct {
			name, mechanism string
			begin           func(c, other *client) *scram.ClientConversation
			pass            func(offered bool) bool
		}{
			{"bound", "SCRAM-SHA-256-PLUS", func(c, _ *client) *scram.ClientConversation { return bound(c, p.freeApp.Secret) },
				func(offered bool) bool { return offered }},
			{"bound to another connection", "SCRAM-SHA-256-PLUS", func(_, other *client) *scram.ClientConversation { return bound(other, p.freeApp.Secret) },
				func(bool) bool { return false }},
			{"bound, wrong password", "SCRAM-SHA-256-PLUS", func(c, _ *client) *scram.ClientConversation { return bound(c, "wrong horse 42") },
				func(bool) bool { return false }},
			{"cannot bind", "SCRAM-SHA-256", func(_, _ *client) *scram.ClientConversation { return program(p.freeApp.Secret).NewConversation() },
				func(bool) bool { return true }},
			{"sees nothing to bind by", "SCRAM-SHA-256", func(_, _ *client) *scram.ClientConversation {
				return program(p.freeApp.Secret).NewConversationAdvertisingChannelBinding()
			}, func(offered bool) bool { return !offered }},
		} {
			t.Run(d.name+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				c, err := d.open()
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				other, err := d.open()
				if err != nil {
					t.Fatal(err)
				}
				defer other.Close()
				answer, err := d.decided(func() (string, error) { return d.loginSCRAM(c, row.mechanism, row.begin(c, other)) })
				if err != nil {
					t.Fatal(err)
				}
				t.Log(answer)
				if row.pass(hasBinding(s, d)) {
					if !strings.HasPrefix(answer, d.accepted) {
						t.Fatalf("%q", answer)
					}
					if err := d.use(c, p.free); err != nil {
						t.Error(err)
					}
				} else if answer != d.refused(sentence) {
					t.Errorf("%q", answer)
				}
			})
		}
	}
}
