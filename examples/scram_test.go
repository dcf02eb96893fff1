package examples

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var gsaslPeers = []peer{{"GNU SASL (gsasl)", "/usr/bin/gsasl"}}

// offer changes the mechanisms that it offers from its next start on.
func (l *latchkey) offer(t *testing.T, mechanisms string) {
	t.Helper()
	changed := strings.Replace(readFile(t, l.config), "[auth]\n", "[auth]\nmechanisms = "+mechanisms+"\n", 1)
	if err := os.WriteFile(l.config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

// offer changes the mechanisms that latchkey offers, and starts all again: mail
// servers ask for them once.
func (s *stack) offer(t *testing.T, mechanisms string) {
	t.Helper()
	s.latchkey.offer(t, mechanisms)
	s.postfix.stop(t)
	s.dovecot.stop(t)
	s.latchkey.stop(t)
	s.latchkey.start(t)
	s.dovecot.start(t)
	s.postfix.start(t)
}

// unwrapped listens without TLS for a server that speaks it from the first byte:
// gsasl can only STARTTLS.
func unwrapped(t *testing.T, address string, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var carrying sync.WaitGroup
	t.Cleanup(func() { l.Close(); carrying.Wait() })
	carrying.Go(func() {
		for {
			program, err := l.Accept()
			if err != nil {
				return
			}
			server, err := tls.Dial("tcp", address, config)
			if err != nil {
				t.Errorf("behind gsasl: %v", err)
				program.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{program: server, server: program} {
				carrying.Go(func() {
					_, _ = io.Copy(to, from) // either may hang up when it likes
					to.Close()
				})
			}
		}
	})
	return l.Addr().String()
}

// gsasl is a mail program that speaks SCRAM: GNU SASL's own. It says whether it got
// in and found that the server knows its password too, and what went over the line.
func gsasl(protocol, address, mechanism, user, secret string, more ...string) (bool, string) {
	args := append([]string{protocol, "--connect=" + address, "--mechanism=" + mechanism, "--authentication-id=" + user,
		"--password=" + secret, "--verbose"}, more...)
	if !strings.HasSuffix(mechanism, "-PLUS") {
		args = append(args, "--no-cb") // where it can bind it gives up by itself if it is not to
	}
	out, err := run("", "gsasl", args...)
	return err == nil && strings.Contains(out, "server trusted"), out
}

// TestSCRAM logs a real mail program in by SCRAM, through real mail servers.
func TestSCRAM(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, gsaslPeers)
	s := newStack(t, dovecot23, true)
	p := newPeople(t, s.latchkey)
	s.offer(t, `["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]`) // the last is for others

	letters := p.freeApp.Secret
	grouped := letters[:4] + " " + letters[4:8] + " " + letters[8:12] + " " + letters[12:]
	doors := map[string]struct {
		scope, refused string
		try            func(user, secret string) (bool, string)
	}{
		"imap": {"imap", ". NO [ALERT] " + sentence, func(user, secret string) (bool, string) {
			return gsasl("--imap", s.dovecot.imaps, "SCRAM-SHA-256", user, secret, "--no-starttls")
		}},
		"submission": {"smtp", "535 5.7.8 Error: authentication failed: " + sentence, func(user, secret string) (bool, string) {
			return gsasl("--smtp", s.postfix.submission, "SCRAM-SHA-256", user, secret, "--starttls", "--x509-ca-file="+s.place.cert)
		}},
	}
	// gsasl cannot speak TLS from the first byte.
	s.dovecot.imaps = unwrapped(t, s.dovecot.imaps, s.doors[0].tls)

	t.Run("offered", func(t *testing.T) { testSCRAMOffered(t, s) })
	t.Run("doors", func(t *testing.T) {
		for name, d := range doors {
			for _, row := range []struct {
				name, user, secret string
				pass               bool
			}{
				{"app password", p.free, letters, true},
				{"app password in groups", p.free, grouped, true},
				{"name in capitals", strings.ToUpper(p.free), letters, true},
				{"phone bound", p.bound, p.boundApp.Secret, true},
				{"for imap and sieve", p.free, p.mailApp.Secret, d.scope == "imap"},
				{"main password, no phone", p.free, p.password, false}, // PLAIN lets it in
				{"main password, phone bound", p.bound, p.password, false},
				{"wrong", p.free, "wrong horse 42", false},
				{"of somebody else", p.free, p.boundApp.Secret, false},
				{"revoked", p.free, p.revoked.Secret, false},
				{"disabled", p.disabled, p.disabledApp.Secret, false},
				{"unknown", "nobody@example.org", letters, false},
			} {
				t.Run(name+"/"+row.name, func(t *testing.T) {
					t.Parallel()
					pass, said := d.try(row.user, row.secret)
					if pass != row.pass || strings.Contains(said, d.refused) == pass {
						t.Errorf("passes: %v, want %v\n%s", pass, row.pass, said)
					}
				})
			}
		}
	})
	t.Run("events", func(t *testing.T) {
		wantEvents(t, s, p.free, "SCRAM-SHA-256 accepted", "SCRAM-SHA-256 wrong-secret", "SCRAM-SHA-256 revoked", "SCRAM-SHA-256 scope")
		wantEvents(t, s, p.disabled, "SCRAM-SHA-256 disabled")
	})
}

// wantEvents looks for a mechanism with an outcome or a reason among the events of
// an account.
func wantEvents(t *testing.T, s *stack, address string, want ...string) {
	t.Helper()
	var got []string
	events := json.NewDecoder(strings.NewReader(s.latchkey.command(t, "", "events", address, "--json")))
	for events.More() {
		var e struct{ Mechanism, Outcome, Reason string }
		if err := events.Decode(&e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Mechanism+" "+e.Outcome, e.Mechanism+" "+e.Reason)
	}
	for _, event := range want {
		if !slices.Contains(got, event) {
			t.Errorf("%s: no event %q among %q", address, event, got)
		}
	}
}
