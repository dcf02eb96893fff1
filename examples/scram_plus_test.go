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
	s.dovecot.listenIMAP(t)
	s.dovecot.overlay(t, "ssl_min_protocol = TLSv1.3\n") // as its README says
	s.clientSocketForPOP3(t)
	s.offer(t, `["PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]`)
	p := newFew(t, s.latchkey)
	p.addCrowd(t, s.latchkey, 1)
	s.makeSenders(t)
	postfix := postfixDoor("submission through Postfix", s.postfix.submission, false)
	postfix.tls = s.place.tls
	s.doors = append(s.doors, postfix)

	t.Run("offered", func(t *testing.T) { testSCRAMOffered(t, s) })
	t.Run("at work", func(t *testing.T) { // all at once: most of it is waiting for refusals
		for name, test := range map[string]func(*testing.T, *stack, *people){
			"gsasl": testGsaslPlus, "deceived": testDeceived, "events": testPlusEvents,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, s, p)
			})
		}
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

// hasBinding says whether a door offers SCRAM with channel binding inside TLS: all
// of Dovecot 2.4 but clientSocketForPOP3's.
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
		if _, err := before.lineUntil(d.dialect().last); err != nil { // of the greeting
			t.Fatal(err)
		}
		if got := kindsOfSCRAM(t, before, d); slices.Contains(got, "SCRAM-SHA-256-PLUS") {
			t.Errorf("%s: before TLS it offers %q", d.name, got)
		}
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
		t.Run(name+"/SCRAM-SHA-256-PLUS/TLS 1.2", func(t *testing.T) { // what Dovecot 2.4.1 must not be asked about
			t.Parallel()
			pass, said := gsasl(d.protocol, d.address, "SCRAM-SHA-256-PLUS", p.free, letters, "--starttls", "--x509-ca-file="+s.place.cert, "--priority=NORMAL:-VERS-TLS1.3")
			if pass || !strings.Contains(said, "handshake failed") {
				t.Errorf("passes: %v\n%s", pass, said)
			}
		})
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

// testPlusEvents looks at what is kept of a login with channel binding.
func testPlusEvents(t *testing.T, s *stack, p *people) {
	const mechanism = "SCRAM-SHA-256-PLUS"
	user := p.crowd[0]
	revoked := s.latchkey.addAppPassword(t, user, "")
	s.latchkey.command(t, "", "app-password", "revoke", user, revoked.ID)
	for _, secret := range []string{p.crowdApps[0].Secret, "wrong horse 42", revoked.Secret} {
		gsasl("--imap", s.dovecot.imap, mechanism, user, secret, "--starttls", "--x509-ca-file="+s.place.cert)
	}
	wantEvents(t, s, user, mechanism+" accepted", mechanism+" wrong-secret", mechanism+" revoked")
}

// testDeceived opens mailboxes with a client that somebody between it and the
// server may have deceived: about the channel, or about what there is to bind by.
func testDeceived(t *testing.T, s *stack, p *people) {
	program := func(secret string) *scram.Client {
		made, err := scram.SHA256.NewClient(p.free, secret, "")
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	to := func(channel *client) scram.ChannelBinding {
		state := channel.Conn.(*tls.Conn).ConnectionState()
		binding, err := scram.NewTLSExporterBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		return binding
	}
	const passes, refused, strange = "passes", "refused", "no such mechanism"
	rows := []struct {
		name, mechanism     string
		begin               func(c, other *client) *scram.ClientConversation
		offered, notOffered string // where binding is, and where it is not
	}{
		{"bound", "SCRAM-SHA-256-PLUS", func(c, _ *client) *scram.ClientConversation {
			return program(p.freeApp.Secret).NewConversationWithChannelBinding(to(c))
		}, passes, strange},
		{"bound to another connection", "SCRAM-SHA-256-PLUS", func(_, other *client) *scram.ClientConversation {
			return program(p.freeApp.Secret).NewConversationWithChannelBinding(to(other))
		}, refused, strange},
		{"wrong password", "SCRAM-SHA-256-PLUS", func(c, _ *client) *scram.ClientConversation {
			return program("wrong horse 42").NewConversationWithChannelBinding(to(c))
		}, refused, strange},
		{"cannot bind", "SCRAM-SHA-256", func(_, _ *client) *scram.ClientConversation {
			return program(p.freeApp.Secret).NewConversation()
		}, passes, passes},
		{"sees nothing to bind by", "SCRAM-SHA-256", func(_, _ *client) *scram.ClientConversation { // flag y
			return program(p.freeApp.Secret).NewConversationAdvertisingChannelBinding()
		}, refused, passes},
	}
	for _, d := range s.doors {
		for _, row := range rows {
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
				got, want := answer, row.notOffered
				if hasBinding(s, d) {
					want = row.offered
				}
				switch {
				case strings.HasPrefix(answer, d.accepted):
					got = passes
					if err := d.use(c, p.free); err != nil {
						t.Error(err)
					}
				case answer == d.refused(sentence):
					got = refused
				case strings.Contains(answer, "authentication mechanism"): // "Unsupported", "Invalid"
					got = strange
				}
				if got != want {
					t.Errorf("%s; want: %s", got, want)
				}
			})
		}
	}
}
