package examples

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// cyrusImapd is Cyrus IMAP's server, where .ci/install unpacks it.
const cyrusImapd = "../.build/cyrus-imapd/usr/lib/cyrus/bin/imapd"

var saslPeers = []peer{
	{"testsaslauthd (sasl2-bin)", "/usr/sbin/testsaslauthd"},
	{"Cyrus SASL's PLAIN (libsasl2-modules)", "/usr/share/doc/libsasl2-modules/copyright"},
	{"Cyrus IMAP's master (cyrus-common)", "/usr/lib/cyrus/bin/master"},
	{"Cyrus IMAP's imapd (.ci/install)", cyrusImapd},
	{"Postfix (postfix)", "/usr/lib/postfix/sbin/master"},
}

// saslStack is latchkey with the servers that ask it by saslauthd's protocol.
type saslStack struct {
	place    *place
	latchkey *latchkey
	postfix  *postfix
	doors    []door
}

func newSaslStack(t *testing.T) *saslStack {
	t.Helper()
	if os.Geteuid() != 0 {
		absent(t)("not root: Cyrus IMAP and Postfix can only be started as root")
	}
	requirePeers(t, saslPeers)
	p := newPlace(t)
	p.folder(t, "saslauthd", "root", 0o755)
	s := &saslStack{place: p, postfix: newPostfix(t, p)}
	s.latchkey = newSaslLatchkey(t, p)
	s.usePostfix(t)
	ports := newCyrus(t, p)
	s.doors = []door{
		{
			name: "Cyrus IMAP", scope: "imap", address: "127.0.0.1:" + ports[0], wrapped: true,
			enter: imapEnter, login: imapLogin, use: imapUse, accepted: "a OK",
			refused:     func(string) string { return "a NO authentication failure" },
			unavailable: "a NO generic failure",
		},
		{
			name: "Cyrus ManageSieve", scope: "sieve", address: "127.0.0.1:" + ports[1],
			enter: sieveEnter, login: sieveLogin, use: sieveUse, accepted: "OK",
			refused:     func(string) string { return `NO "Authentication Error"` },
			unavailable: `NO "Authentication Error"`,
		},
		saslPostfixDoor("submission through Postfix", s.postfix.submission, false),
		saslPostfixDoor("port 465 of Postfix", s.postfix.submissions, true),
	}
	for i := range s.doors {
		s.doors[i].tls = p.tls
	}
	return s
}

func saslPostfixDoor(name, address string, wrapped bool) door {
	d := postfixDoor(name, address, wrapped)
	d.refused = func(string) string { return "535 5.7.8 Error: authentication failed: authentication failure" }
	d.unavailable = "454 4.7.0 Temporary authentication failure: generic failure"
	return d
}

// newSaslLatchkey writes latchkey's configuration: the example's, with its
// folders moved.
func newSaslLatchkey(t *testing.T, p *place) *latchkey {
	t.Helper()
	l := &latchkey{binary: binary, data: p.folder(t, "data", "root", 0o700), run: p.folder(t, "run", "root", 0o755)}
	text := fmt.Sprintf("data_dir = %q\nrun_dir = %q\n[log]\nlevel = \"debug\"\n[auth]\nrefusal = %q\n", l.data, l.run, sentence)
	l.config = p.write(t, "latchkey.toml", text+saslMoved(t, p, "latchkey.toml"))
	return l
}

// saslMoved is a file of the example with its folders moved.
func saslMoved(t *testing.T, p *place, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("saslauthd", name))
	if err != nil {
		t.Fatal(err)
	}
	return p.moved(strings.NewReplacer(
		"/run/saslauthd/", p.dir+"/saslauthd/",
		"/var/lib/cyrus", p.dir+"/cyrus/lib",
		"/run/cyrus/", p.dir+"/cyrus/run/",
		"/var/spool/cyrus/mail", p.dir+"/cyrus/mail",
		"/var/spool/sieve", p.dir+"/cyrus/sieve",
		"/etc/ssl/certs/ssl-cert-snakeoil.pem", p.cert,
		"/etc/ssl/private/ssl-cert-snakeoil.key", p.dir+"/cyrus/key.pem",
	).Replace(string(text)))
}

func (s *saslStack) startLatchkey(t *testing.T) {
	t.Helper()
	s.latchkey.process = start(t, "latchkey", exec.Command(binary, "--config", s.latchkey.config, "serve"), "msg=ready")
	s.latchkey.logs = append(s.latchkey.logs, s.latchkey.log)
}

// usePostfix makes the Postfix of examples/postfix one with Cyrus SASL, as the
// example's main.cf says: the last word on a setting counts.
func (s *saslStack) usePostfix(t *testing.T) {
	t.Helper()
	conf := s.place.folder(t, "postfix/sasl", "root", 0o755)
	s.place.write(t, "postfix/sasl/smtpd.conf", saslMoved(t, s.place, "smtpd.conf"))
	path := filepath.Join(s.postfix.conf, "main.cf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.place.write(t, "postfix/main.cf", string(text)+saslMoved(t, s.place, "main.cf"))
	mustRun(t, "", "postconf", "-c", s.postfix.conf, "-e", "cyrus_sasl_config_path="+conf)
}

// newCyrus starts Cyrus IMAP and gives the ports of imaps and sieve. Which ports
// it opens is said in cyrus.conf, of which the example has none: it is Debian's.
func newCyrus(t *testing.T, p *place) []string {
	t.Helper()
	p.folder(t, "cyrus", "cyrus", 0o755)
	for _, name := range []string{"lib", "run", "run/proc", "run/lock", "run/socket", "mail", "sieve"} {
		p.folder(t, filepath.Join("cyrus", name), "cyrus", 0o755)
	}
	copyFile(t, p.key, filepath.Join(p.dir, "cyrus/key.pem"), 0o400)
	uid, gid := ids(t, "cyrus")
	if err := os.Chown(filepath.Join(p.dir, "cyrus/key.pem"), uid, gid); err != nil {
		t.Fatal(err)
	}
	imapd := filepath.Join(p.dir, "cyrus/imapd")
	copyFile(t, cyrusImapd, imapd, 0o755)
	conf := p.write(t, "imapd.conf", saslMoved(t, p, "imapd.conf"))
	ports := freePorts(t, 2)
	services := p.write(t, "cyrus.conf", fmt.Sprintf(`START {
}
SERVICES {
  imaps cmd="%[1]s -C %[2]s -s" listen="127.0.0.1:%[3]s" prefork=0
  sieve cmd="timsieved -C %[2]s" listen="127.0.0.1:%[4]s" prefork=0
}
EVENTS {
}
`, imapd, conf, ports[0], ports[1]))
	start(t, "cyrus", exec.Command("/usr/lib/cyrus/bin/master", "-C", conf, "-M", services, "-D", "-p", filepath.Join(p.dir, "cyrus/master.pid")), "")
	for _, port := range ports {
		awaitPort(t, port)
	}
	return ports
}

// awaitPort waits until somebody listens. Cyrus says that only to syslog.
func awaitPort(t *testing.T, port string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// saslPeople are the accounts of these tests.
func saslPeople(t *testing.T, l *latchkey) *people {
	t.Helper()
	p := &people{password: "correct horse 42", free: "free@example.org", bound: "bound@example.org", disabled: "disabled@example.org"}
	for _, address := range []string{p.free, p.bound, p.disabled} {
		l.addAccount(t, address, p.password)
	}
	l.command(t, "", "phone", "bind", p.bound, "+8613800138000")
	p.freeApp = l.addAppPassword(t, p.free, "")
	p.mailApp = l.addAppPassword(t, p.free, "imap,sieve")
	p.revoked = l.addAppPassword(t, p.free, "")
	l.command(t, "", "app-password", "revoke", p.free, p.revoked.ID)
	p.boundApp = l.addAppPassword(t, p.bound, "")
	p.disabledApp = l.addAppPassword(t, p.disabled, "")
	l.command(t, "", "account", "disable", p.disabled)
	return p
}

// TestSaslauthd walks through everything that servers with Cyrus SASL do.
func TestSaslauthd(t *testing.T) {
	s := newSaslStack(t)
	s.startLatchkey(t)
	p := saslPeople(t, s.latchkey)
	(&stack{postfix: s.postfix, latchkey: s.latchkey}).makeSenders(t)
	s.postfix.start(t)
	servers := t // live as long as this test
	for user, secret := range map[string]string{p.free: p.freeApp.Secret, p.bound: p.boundApp.Secret} {
		// Their mailboxes, which Cyrus makes at an IMAP login and at no other.
		mustPass(t, s.doors[0], attempt{mechanism: "PLAIN", user: user, secret: secret})
	}

	t.Run("testsaslauthd", func(t *testing.T) { testTestsaslauthd(t, s, p) })
	t.Run("matrix", func(t *testing.T) { testMatrix(t, &stack{doors: s.doors}, p) })
	t.Run("events", func(t *testing.T) { testSaslEvents(t, s, p) })
	t.Run("daemon away", func(t *testing.T) {
		s.latchkey.stop(t)
		testSaslUnavailable(t, s, p, "connect() : Connection refused")
		s.startLatchkey(servers)
		for _, d := range s.doors {
			if err := d.pass(attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}); err != nil {
				t.Errorf("back again: %v", err)
			}
		}
	})
	t.Run("store down", func(t *testing.T) {
		truncateStore(t, s.latchkey.data)
		testSaslUnavailable(t, s, p, "bad response from saslauthd")
	})
	t.Run("latchkey's log", func(t *testing.T) { testLog(t, &stack{latchkey: s.latchkey}, p) })
}

// testsaslauthd runs Debian's test client. It gives all that it prints and
// whether it said that the password is right.
func (s *saslStack) testsaslauthd(user, password, service string, more ...string) (string, bool) {
	mux := filepath.Join(s.place.dir, "saslauthd/mux")
	out, err := run("", "testsaslauthd", append([]string{"-f", mux, "-u", user, "-p", password, "-s", service}, more...)...)
	return out, err == nil
}

func testTestsaslauthd(t *testing.T, s *saslStack, p *people) {
	for _, row := range []struct {
		name, user, password, service string
		in                            bool
		more                          []string
	}{
		{"main password", p.free, p.password, "imap", true, nil},
		{"app password", p.free, p.freeApp.Secret, "imap", true, nil},
		{"app password, phone bound", p.bound, p.boundApp.Secret, "smtp", true, nil},
		{"name and realm", "free", p.freeApp.Secret, "imap", true, []string{"-r", "example.org"}},
		{"another realm", "free", p.freeApp.Secret, "imap", false, []string{"-r", "example.net"}},
		{"name without a domain", "free", p.freeApp.Secret, "imap", false, nil},
		{"main password, phone bound", p.bound, p.password, "imap", false, nil},
		{"in its scope", p.free, p.mailApp.Secret, "imap", true, nil},
		{"out of its scope", p.free, p.mailApp.Secret, "smtp", false, nil},
		{"Cyrus POP3, out of its scope", p.free, p.mailApp.Secret, "pop", false, nil},
		{"good for everything, OpenLDAP", p.free, p.freeApp.Secret, "ldap", true, nil},
		{"good for some, OpenLDAP", p.free, p.mailApp.Secret, "ldap", false, nil},
		{"revoked", p.free, p.revoked.Secret, "imap", false, nil},
		{"disabled, main password", p.disabled, p.password, "imap", false, nil},
		{"disabled, app password", p.disabled, p.disabledApp.Secret, "imap", false, nil},
		{"unknown", "nobody@example.org", p.password, "imap", false, nil},
		{"wrong", p.free, "wrong horse 42", "imap", false, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			out, in := s.testsaslauthd(row.user, row.password, row.service, row.more...)
			want := `0: NO "authentication failed"`
			if row.in {
				want = `0: OK "Success."`
			}
			if in != row.in || strings.TrimSpace(out) != want {
				t.Errorf("got %q, want %q", out, want)
			}
		})
	}
}

// testSaslUnavailable expects a temporary failure everywhere, with a good
// password and with a wrong one.
func testSaslUnavailable(t *testing.T, s *saslStack, p *people, said string) {
	if out, in := s.testsaslauthd(p.free, p.freeApp.Secret, "imap"); in || !strings.Contains(out, said) {
		t.Errorf("testsaslauthd: got %q, want %q", out, said)
	}
	t.Run("at the doors", func(t *testing.T) { // ends when all of them have
		for _, d := range s.doors {
			for name, secret := range map[string]string{"good": p.freeApp.Secret, "wrong": "wrong horse 42"} {
				t.Run(d.name+"/"+name, func(t *testing.T) {
					t.Parallel()
					c, answer, err := d.try(attempt{mechanism: "PLAIN", user: p.free, secret: secret})
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if !strings.HasPrefix(answer, d.unavailable) {
						t.Errorf("want %q..., got %q", d.unavailable, answer)
					}
				})
			}
		}
	})
}

// testSaslEvents looks at what is on record of the logins before it.
func testSaslEvents(t *testing.T, s *saslStack, p *people) {
	services := map[string]bool{}
	decoder := json.NewDecoder(strings.NewReader(s.latchkey.command(t, "", "events", p.bound, "--json")))
	for decoder.More() {
		var e struct{ Kind, Outcome, Credential, Service, Mechanism, Addr string }
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Service == "" || e.Outcome != "accepted" {
			continue
		}
		services[e.Service] = true
		if e.Mechanism != "SASLAUTHD" || e.Addr != "" || e.Credential != p.boundApp.ID {
			t.Errorf("event %+v", e)
		}
	}
	for _, service := range []string{"imap", "smtp", "sieve"} {
		if !services[service] {
			t.Errorf("no accepted login to %s on record: %v", service, services)
		}
	}
}

// TestSaslauthdSockets has latchkey make the sockets of the [[listener]] sections,
// and lets the test hold those of the units as systemd would: both are the same,
// and a client that comes while the daemon is away is served when it is back.
func TestSaslauthdSockets(t *testing.T) {
	if os.Geteuid() != 0 {
		absent(t)("not root: sockets of other users can only be made as root")
	}
	requirePeers(t, saslPeers)
	p := newPlace(t)
	p.folder(t, "queue/private", "postfix", 0o700)
	p.folder(t, "saslauthd", "root", 0o755)
	s := &saslStack{place: p, latchkey: newSaslLatchkey(t, p)}
	s.startLatchkey(t)
	s.latchkey.addAccount(t, "free@example.org", "correct horse 42")
	if out, in := s.testsaslauthd("free@example.org", "correct horse 42", "imap"); !in {
		t.Error(out)
	}
	s.latchkey.stop(t)

	var paths []string
	for _, file := range []string{"latchkey-saslauthd.socket", "latchkey-postfix-saslauthd.socket"} {
		settings := map[string]string{}
		for line := range strings.Lines(saslMoved(t, p, file)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			settings[key] = value
		}
		path := settings["ListenStream"]
		paths = append(paths, path)
		owner := strings.TrimSpace(mustRun(t, "", "stat", "-c", "%U %G %04a %F", path))
		if want := settings["SocketUser"] + " " + settings["SocketGroup"] + " " + settings["SocketMode"] + " socket"; owner != want {
			t.Errorf("latchkey makes %s as %q, the unit as %q", path, owner, want)
		}
		if settings["FileDescriptorName"] != "saslauthd" {
			t.Errorf("%s: FileDescriptorName=%s", file, settings["FileDescriptorName"])
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		s.latchkey.sockets = append(s.latchkey.sockets, openSocket(t, unit{"saslauthd", path, "root", 0o660}))
	}
	if !slices.Equal(paths, []string{p.dir + "/saslauthd/mux", p.dir + "/queue/private/saslauthd"}) {
		t.Errorf("sockets %q", paths)
	}
	came := make(chan string)
	go func() {
		out, in := s.testsaslauthd("free@example.org", "correct horse 42", "imap")
		if in {
			out = ""
		}
		came <- out
	}()
	s.latchkey.start(t)
	if out := <-came; out != "" {
		t.Errorf("came while the daemon was away: %s", out)
	}
}
