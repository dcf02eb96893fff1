package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/xdg-go/scram"
)

// TestExim walks through what Debian 12's Exim must do in front of latchkey and
// of Dovecot 2.3.
func TestExim(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, eximPeers)
	testExim(t, dovecot23, "4.96")
}

// TestExim498 is TestExim with the Exim and the Dovecot of Debian 13.
func TestExim498(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, eximPeers, debian13Peers) // the first for its user
	testExim(t, dovecot24, "4.98")
}

// eximStack is latchkey, Dovecot and Exim: a stack without Postfix.
type eximStack struct {
	*stack
	exim *exim
}

func newEximStack(t *testing.T, v series) *eximStack {
	t.Helper()
	p := newPlace(t)
	p.folder(t, "vmail", "root", 0o777)
	p.folder(t, "queue/private", "postfix", 0o700) // the listeners that Dovecot's example and Postfix's have there
	lmtpPort := freePorts(t, 1)[0]
	e := newExim(t, p, v, lmtpPort)
	d := newDovecot(t, p, v, portOf(t, e.smtp))
	d.listenLMTP(t, lmtpPort)
	s := &eximStack{exim: e, stack: &stack{
		t: t, place: p, dovecot: d,
		latchkey: newLatchkey(t, p, v, p.moved(readFile(t, "exim/latchkey.toml"))),
	}}
	s.latchkey.offer(t, `["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]`)
	d.start(t) // makes its folder, in which latchkey makes one
	s.latchkey.ready = p.moved("/run/latchkey/exim")
	s.latchkey.start(t)
	e.start(t)
	s.doors = []door{
		eximDoor(p, "port 587 of Exim", e.submission, false),
		eximDoor(p, "port 465 of Exim", e.submissions, true),
	}
	return s
}

// listenLMTP adds Exim's lines to Dovecot's configuration and moves the port.
func (d *dovecot) listenLMTP(t *testing.T, port string) {
	t.Helper()
	name := "exim/" + strings.Replace(d.series.folder, "dovecot-", "dovecot-lmtp-", 1) + ".conf"
	d.place.copy(t, name)
	d.overlay(t, fmt.Sprintf("!include %s\nservice lmtp {\n  inet_listener lmtp {\n    port = %s\n  }\n}\n", filepath.Join(d.place.dir, name), port))
}

func testExim(t *testing.T, v series, version string) {
	s := newEximStack(t, v)
	matrix := *s.stack
	matrix.doors = s.doors[:1] // the other differs in nothing that latchkey sees
	if got := s.exim.version(t); !strings.HasPrefix(got, version) {
		t.Fatalf("it is Exim %s, want %s", got, version)
	}
	p := newFew(t, s.latchkey)
	p.addCrowd(t, s.latchkey, 1)

	t.Run("the socket is the unit's", func(t *testing.T) { testEximSocket(t, s) })
	t.Run("matrix", func(t *testing.T) { testMatrix(t, &matrix, p) })
	t.Run("at work", func(t *testing.T) { // all at once: most of it is waiting for refusals
		for name, test := range map[string]func(*testing.T){
			"strange authorization identity": func(t *testing.T) { testAuthz(t, s.stack, p) },
			"no password without TLS":        func(t *testing.T) { testEximCleartext(t, s) },
			"no mail without a login":        func(t *testing.T) { testEximClosed(t, s, p) },
			"mail from program to program":   func(t *testing.T) { testEximMail(t, s, p) },
			"a stranger at port 25":          func(t *testing.T) { testStranger(t, s.exim.smtp, "550", p) },
			"events":                         func(t *testing.T) { testEximEvents(t, s, p) },
			"SCRAM":                          func(t *testing.T) { testEximSCRAM(t, s, p) },
			"Debian's own configuration":     func(t *testing.T) { testEximDebian(t, s, p) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("daemon away", func(t *testing.T) { testEximAway(t, s, p) })
	t.Run("systemd holds the socket", func(t *testing.T) { testEximActivation(t, s, p) })
	t.Run("store down", func(t *testing.T) { testStoreDown(t, s.stack, p) })
	t.Run("latchkey's log", func(t *testing.T) { testLog(t, s.stack, p) })
	t.Run("Exim's log", func(t *testing.T) { testEximLog(t, s, p) })
}

// testEximSocket compares what latchkey has made with what systemd would make.
func testEximSocket(t *testing.T, s *eximStack) {
	want := readUnit(t, s.place, "exim/latchkey-exim.socket")
	info, err := os.Stat(want.path)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := ids(t, want.owner)
	owner := info.Sys().(*syscall.Stat_t)
	if info.Mode() != want.mode|os.ModeSocket || int(owner.Uid) != uid || int(owner.Gid) != gid {
		t.Errorf("%v of %d:%d, but the unit says %v of %s", info.Mode(), owner.Uid, owner.Gid, want.mode, want.owner)
	}
}

// offers says which of these words an SMTP server offers after EHLO.
func offers(t *testing.T, c *client, words ...string) []string {
	t.Helper()
	var offered []string
	_, err := c.ask(func(line string) bool {
		for _, word := range words {
			if strings.Contains(line, word) {
				offered = append(offered, line[len("250-"):])
			}
		}
		return smtpLast(line)
	}, "EHLO client.example")
	if err != nil {
		t.Fatal(err)
	}
	return offered
}

func testEximCleartext(t *testing.T, s *eximStack) {
	for name, address := range map[string]string{"submission": s.exim.submission, "port 25": s.exim.smtp} {
		t.Run(name, func(t *testing.T) {
			c := dialFromAfar(t, address)
			if _, err := c.lineUntil(smtpLast); err != nil {
				t.Fatal(err)
			}
			if got := offers(t, c, "AUTH", "STARTTLS"); !slices.Equal(got, []string{"STARTTLS"}) {
				t.Errorf("before TLS it offers %q", got)
			}
			if err := c.expect("503", smtpLast, "AUTH PLAIN %s", attempt{user: "u", secret: "s"}.responses()[0]); err != nil {
				t.Error(err)
			}
			if err := c.expect("220", smtpLast, "STARTTLS"); err != nil {
				t.Fatal(err)
			}
			c.secure(s.place.tls)
			want := []string{"AUTH PLAIN LOGIN SCRAM-SHA-256"}
			if name == "port 25" {
				want = nil
			}
			if got := offers(t, c, "AUTH"); !slices.Equal(got, want) {
				t.Errorf("inside TLS it offers %q, want %q", got, want)
			}
		})
	}
}

// testEximClosed hands in mail without a login, after a refused one, and in the
// same connection after a good one.
func testEximClosed(t *testing.T, s *eximStack, p *people) {
	for _, d := range s.doors {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c, err := d.open()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			closed := func() {
				t.Helper()
				if err := c.expect("530 5.7.0 Authentication required", smtpLast, "MAIL FROM:<%s>", p.free); err != nil {
					t.Error(err)
				}
			}
			closed()
			login := func(secret string) string {
				t.Helper()
				answer, err := d.decided(func() (string, error) {
					return d.login(c, attempt{mechanism: "LOGIN", user: p.free, secret: secret})
				})
				if err != nil {
					t.Fatal(err)
				}
				return answer
			}
			if answer := login(p.revoked.Secret); answer != d.refused(sentence) {
				t.Fatal(answer)
			}
			closed()
			if answer := login(p.freeApp.Secret); !strings.HasPrefix(answer, d.accepted) {
				t.Fatal(answer)
			}
			if err := d.use(c, p.free); err != nil {
				t.Error(err)
			}
		})
	}
}

// testEximMail hands in a mail with an app password, as the README shows it, and
// finds it in the other account's mailbox once Exim is through with it.
func testEximMail(t *testing.T, s *eximStack, p *people) {
	mustRun(t, "", "swaks", "--server", "127.0.0.1", "--port", portOf(t, s.exim.submissions), "--tls-on-connect", "--auth", "LOGIN",
		"--auth-user", p.free, "--auth-password", p.freeApp.Secret,
		"--from", p.free, "--to", p.bound, "--header", "Subject: the door is open")
	if !s.exim.log.await(" Completed", patience) {
		t.Fatal("exim does not say that it is through with the mail")
	}
	found, err := filepath.Glob(filepath.Join(s.place.dir, "vmail/example.org/bound/Maildir/new/*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d mails are there, want 1 (%v)", len(found), err)
	}
	mail := readFile(t, found[0])
	if !strings.Contains(mail, "Subject: the door is open") || strings.Contains(mail, p.freeApp.Secret) {
		t.Errorf("the mail is\n%s", mail)
	}
}

// testEximEvents looks for what Exim tells about a login.
func testEximEvents(t *testing.T, s *eximStack, p *people) {
	user := p.crowd[0]
	d := s.doors[0]
	mustPass(t, d, attempt{mechanism: "LOGIN", user: user, secret: p.crowdApps[0].Secret})
	mustBeRefused(t, d, attempt{mechanism: "PLAIN", user: user, secret: p.freeApp.Secret})
	seen := map[string]bool{}
	decoder := json.NewDecoder(strings.NewReader(s.latchkey.command(t, "", "events", user, "--json")))
	for decoder.More() {
		var e struct{ Outcome, Credential, Service, Mechanism, Addr string }
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Mechanism != "" {
			seen[strings.Join([]string{e.Outcome, e.Credential, e.Service, e.Mechanism, e.Addr}, " ")] = true
		}
	}
	if !seen["accepted "+p.crowdApps[0].ID+" smtp LOGIN 127.0.0.1"] || !seen["rejected  smtp PLAIN 127.0.0.1"] {
		t.Errorf("the events are %v", seen)
	}
}

// testEximSCRAM logs Debian's own client in, and one that would bind to its
// channel if Exim could.
func testEximSCRAM(t *testing.T, s *eximStack, p *people) {
	requirePeers(t, gsaslPeers)
	d := s.doors[1]
	inside := unwrapped(t, d.address, d.tls) // gsasl says STARTTLS before EHLO, which Exim does not take
	for _, row := range []struct {
		name, user, secret string
		pass               bool
	}{
		{"app password", p.free, p.freeApp.Secret, true},
		{"phone bound", p.bound, p.boundApp.Secret, true},
		{"main password, phone bound", p.bound, p.password, false},
		{"wrong", p.free, "wrong horse 42", false},
		{"revoked", p.free, p.revoked.Secret, false},
		{"unknown", "nobody@example.org", p.freeApp.Secret, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			pass, said := gsasl("--smtp", inside, "SCRAM-SHA-256", row.user, row.secret, "--no-starttls")
			if pass != row.pass || strings.Contains(said, d.refused(sentence)) == pass {
				t.Errorf("passes: %v, want %v\n%s", pass, row.pass, said)
			}
		})
	}
	t.Run("sees nothing to bind by", func(t *testing.T) {
		t.Parallel()
		program, err := scram.SHA256.NewClient(p.free, p.freeApp.Secret, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := d.open()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answer, err := d.loginSCRAM(c, "SCRAM-SHA-256", program.NewConversationAdvertisingChannelBinding())
		if err != nil || !strings.HasPrefix(answer, d.accepted) {
			t.Fatalf("%q, %v", answer, err)
		}
		if err := d.use(c, p.free); err != nil {
			t.Error(err)
		}
	})
}

// testEximDebian tries the files that are for Debian's own configuration.
func testEximDebian(t *testing.T, s *eximStack, p *people) {
	e := newEximDebian(t, s.place, s.dovecot.series)
	e.start(t)
	d := eximDoor(s.place, "Exim as Debian has it", e.submission, false)
	c := mustDial(t, "tcp", e.submission)
	if _, err := c.lineUntil(smtpLast); err != nil {
		t.Fatal(err)
	}
	if got := offers(t, c, "AUTH"); got != nil {
		t.Errorf("before TLS it offers %q", got)
	}
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		mustPass(t, d, attempt{mechanism: mechanism, user: p.bound, secret: p.boundApp.Secret})
	}
	mustBeRefused(t, d, attempt{mechanism: "PLAIN", user: p.bound, secret: p.password})
}

// testEximAway takes the daemon away with its sockets. Nobody is refused for
// that, and nobody restarts Exim.
func testEximAway(t *testing.T, s *eximStack, p *people) {
	good := attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}
	wrong := attempt{mechanism: "LOGIN", user: p.free, secret: "wrong horse 42"}
	for _, end := range []struct {
		name string
		do   func()
	}{
		{"killed", func() { s.latchkey.kill() }},
		{"stopped", func() { s.latchkey.stop(t) }},
	} {
		t.Run(end.name, func(t *testing.T) {
			waiting, err := s.doors[0].open()
			if err != nil {
				t.Fatal(err)
			}
			defer waiting.Close()
			end.do()
			for _, d := range s.doors {
				mustBePutOff(t, d, good)
				mustBePutOff(t, d, wrong)
			}
			if answer, err := smtpLogin(waiting, good); err != nil || !strings.HasPrefix(answer, s.doors[0].unavailable) {
				t.Errorf("a program that was there before: %q, %v", answer, err)
			}
			s.latchkey.start(s.t)
			if answer, err := smtpLogin(waiting, good); err != nil || !strings.HasPrefix(answer, s.doors[0].accepted) {
				t.Errorf("it tries again in the same connection: %q, %v", answer, err)
			}
			for _, d := range s.doors {
				mustPass(t, d, good)
			}
		})
	}
}

// mustBePutOff logs in and must be told that nobody can tell.
func mustBePutOff(t *testing.T, d door, a attempt) {
	t.Helper()
	c, answer, err := d.try(a)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !strings.HasPrefix(answer, d.unavailable) {
		t.Errorf("%s: want %q..., got %q", d.name, d.unavailable, answer)
	}
}

// testEximActivation hands the socket to a daemon that comes later: who logs in
// meanwhile waits for it.
func testEximActivation(t *testing.T, s *eximStack, p *people) {
	s.latchkey.stop(t)
	s.latchkey.openSockets(s.t, s.place, append(s.dovecot.series.units(), "exim/latchkey-exim.socket"))
	arrived := make(chan error, len(s.doors))
	for _, d := range s.doors {
		go func() { arrived <- d.pass(attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}) }()
	}
	s.latchkey.start(s.t)
	for range s.doors {
		if err := <-arrived; err != nil {
			t.Error(err)
		}
	}
}

// testEximLog reads what an administrator would look for, and must not find.
func testEximLog(t *testing.T, s *eximStack, p *people) {
	log := s.exim.log.tail(1 << 20)
	for _, want := range []string{
		"A=latchkey_login:" + p.free + " ",
		"latchkey_plain authenticator failed for ",
		"535 Incorrect authentication data (set_id=" + p.bound + ")",
		"435 Unable to authenticate at present",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, secret := range []string{p.password, p.freeApp.Secret, p.boundApp.Secret} {
		if strings.Contains(log, secret) {
			t.Error("it holds a secret")
		}
	}
	// Its one complaint is about how the test names its configuration.
	panics, _ := os.ReadFile(filepath.Join(s.place.dir, "exim-log/paniclog"))
	for line := range strings.Lines(string(panics)) {
		if !strings.Contains(line, "lost privilege for using -C option") {
			t.Errorf("it complains: %s", line)
		}
	}
}
