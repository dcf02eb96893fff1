package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/harness"
)

var nginxPeers = []peer{
	{"nginx (nginx)", "/usr/sbin/nginx"},
	{"nginx's mail proxy (libnginx-mod-mail)", nginxModule},
}

const nginxModule = "/usr/lib/nginx/modules/ngx_mail_module.so"

// nginxSecret is what nginx and latchkey have in common.
const nginxSecret = "a secret of nginx and latchkey"

// nginxStack is latchkey with nginx, and behind that a server for IMAP and SMTP
// that asks latchkey once more. Behind POP3 there is nobody.
type nginxStack struct {
	place    *place
	latchkey *latchkey
	ports    map[string]string // of nginx, by the example's
	doors    []door            // that lead somewhere
	pop3     door
}

func newNginxStack(t *testing.T) *nginxStack {
	t.Helper()
	if os.Geteuid() != 0 {
		absent(t)("not root: nginx's workers can only be given another user by root")
	}
	requirePeers(t, nginxPeers)
	p := newPlace(t)
	s := &nginxStack{place: p, ports: map[string]string{}}
	run := p.folder(t, "run", "root", 0o755)
	behind, err := harness.Start(harness.Options{
		AuthSocket: filepath.Join(run, "auth-client"), UserdbSocket: filepath.Join(run, "auth-userdb"), Cleartext: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := behind.Close(); err != nil {
			t.Error(err)
		}
	})
	free := freePorts(t, 5)
	s.latchkey = newNginxLatchkey(t, p, behind.Addrs().IMAP.Port, free[4], behind.Addrs().Submission.Port)
	for i, port := range []string{"993", "995", "465", "587"} {
		s.ports[port] = free[i]
	}
	address := func(port string) string { return "127.0.0.1:" + s.ports[port] }
	smtp := door{
		name: "submission through nginx", scope: "smtp", address: address("587"), enter: smtpEnter, login: smtpLogin, use: smtpToOneself,
		accepted: "235", refused: func(text string) string { return "535 5.7.8 " + text }, unavailable: "454 4.7.0 Temporary authentication failure.",
	}
	smtps := smtp
	smtps.name, smtps.address, smtps.wrapped = "port 465 of nginx", address("465"), true
	s.doors = []door{
		{
			name: "IMAP through nginx", scope: "imap", address: address("993"), wrapped: true,
			enter: imapEnter, login: imapLogin, use: imapUse, accepted: "a OK",
			refused:     func(text string) string { return "a NO [ALERT] " + text },
			unavailable: "a NO [UNAVAILABLE] Temporary authentication failure.",
		},
		smtp, smtps,
	}
	s.pop3 = door{
		name: "POP3 through nginx", scope: "pop3", address: address("995"), wrapped: true,
		enter: pop3Enter, login: pop3Login, use: pop3Use, accepted: "+OK",
		refused:     func(text string) string { return "-ERR [AUTH] " + text },
		unavailable: "-ERR [SYS/TEMP] Temporary authentication failure.",
		tls:         p.tls,
	}
	for i := range s.doors {
		s.doors[i].tls = p.tls
	}
	return s
}

// newNginxLatchkey writes latchkey's configuration: the example's, with its folders
// moved, and the ports of the servers behind nginx.
func newNginxLatchkey(t *testing.T, p *place, imap int, pop3 string, smtp int) *latchkey {
	t.Helper()
	l := &latchkey{binary: binary, data: p.folder(t, "data", "root", 0o700), run: p.folder(t, "run", "root", 0o755)}
	text := strings.NewReplacer(
		"port = 143\n", fmt.Sprintf("port = %d\n", imap), "port = 110\n", "port = "+pop3+"\n", "port = 10587\n", fmt.Sprintf("port = %d\n", smtp),
	).Replace(nginxMoved(t, p, "latchkey.toml"))
	l.config = p.write(t, "latchkey.toml", fmt.Sprintf("data_dir = %q\nrun_dir = %q\n[log]\nlevel = \"debug\"\n[auth]\nrefusal = %q\n", l.data, l.run, sentence)+text)
	p.write(t, "nginx-secret", nginxSecret+"\n")
	return l
}

// nginxMoved is a file of the example with its folders moved.
func nginxMoved(t *testing.T, p *place, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("nginx", name))
	if err != nil {
		t.Fatal(err)
	}
	return p.moved(strings.NewReplacer(
		"/run/latchkey/", p.dir+"/run/",
		"/etc/nginx/", p.dir+"/",
		"/etc/ssl/certs/ssl-cert-snakeoil.pem", p.cert,
		"/etc/ssl/private/ssl-cert-snakeoil.key", p.key,
	).Replace(string(text)))
}

func (s *nginxStack) startLatchkey(t *testing.T) {
	t.Helper()
	s.latchkey.process = start(t, "latchkey", exec.Command(binary, "--config", s.latchkey.config, "serve"), "msg=ready")
	s.latchkey.logs = append(s.latchkey.logs, s.latchkey.log)
}

// startNginx starts nginx with the example and this secret. Around the example is
// what Debian's nginx.conf has, as far as a mail proxy needs it.
func (s *nginxStack) startNginx(t *testing.T, secret string) *process {
	t.Helper()
	p := s.place
	mail := nginxMoved(t, p, "mail.conf")
	for port, free := range s.ports {
		mail = strings.ReplaceAll(mail, "listen "+port, "listen 127.0.0.1:"+free)
	}
	p.write(t, "latchkey-secret.conf", fmt.Sprintf("auth_http_header X-Auth-Key %q;\n", secret))
	p.write(t, "mail.conf", mail)
	conf := p.write(t, "nginx.conf", fmt.Sprintf(`user www-data;
worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log stderr notice;
load_module %[2]s;
events {}
include %[1]s/mail.conf;
`, p.dir, nginxModule))
	return start(t, "nginx", exec.Command("nginx", "-e", "stderr", "-p", p.dir, "-c", conf), "start worker process ")
}

// TestNginx walks through everything that nginx does as a mail proxy.
func TestNginx(t *testing.T) {
	s := newNginxStack(t)
	s.startLatchkey(t)
	s.startNginx(t, nginxSecret)
	p := saslPeople(t, s.latchkey)
	servers := t // live as long as this test

	t.Run("at once", func(t *testing.T) { // ends when both have
		t.Run("many tries on one connection", func(t *testing.T) {
			t.Parallel()
			testNginxTries(t, s, p)
		})
		t.Run("matrix", func(t *testing.T) { testMatrix(t, &stack{doors: s.doors}, p) })
	})
	t.Run("POP3 refuses", func(t *testing.T) {
		for name, a := range map[string]attempt{
			"wrong":                      {mechanism: "PLAIN", user: p.free, secret: "wrong horse 42"},
			"main password, phone bound": {mechanism: "LOGIN", user: p.bound, secret: p.password},
			"out of its scope":           {mechanism: "PLAIN", user: p.free, secret: p.mailApp.Secret},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				mustBeRefused(t, s.pop3, a)
			})
		}
	})
	t.Run("nobody behind POP3", func(t *testing.T) {
		mustSay(t, s.pop3, attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}, "-ERR internal server error")
	})
	t.Run("own commands", func(t *testing.T) { testNginxCommands(t, s, p) })
	t.Run("strange authorization identity", func(t *testing.T) {
		// nginx drops it: who logs in is who they are, and nobody else.
		mustPass(t, s.doors[0], attempt{mechanism: "PLAIN", authz: p.bound, user: p.free, secret: p.freeApp.Secret})
	})
	t.Run("events", func(t *testing.T) { testNginxEvents(t, s, p) })
	t.Run("daemon away", func(t *testing.T) {
		s.latchkey.stop(t)
		testNginxAway(t, s, p)
		s.startLatchkey(servers)
		for _, d := range s.doors {
			if err := d.pass(attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}); err != nil {
				t.Errorf("back again: %v", err)
			}
		}
	})
	t.Run("store down", func(t *testing.T) {
		truncateStore(t, s.latchkey.data)
		for _, d := range append(s.doors, s.pop3) {
			for name, secret := range map[string]string{"good": p.freeApp.Secret, "wrong": "wrong horse 42"} {
				t.Run(d.name+"/"+name, func(t *testing.T) {
					t.Parallel()
					mustSay(t, d, attempt{mechanism: "PLAIN", user: p.free, secret: secret}, d.unavailable)
				})
			}
		}
	})
	t.Run("latchkey's log", func(t *testing.T) {
		testLog(t, &stack{latchkey: s.latchkey}, p)
		for _, book := range s.latchkey.logs {
			if strings.Contains(book.tail(1<<20), nginxSecret) {
				t.Error("the log holds nginx's secret")
			}
		}
	})
}

// smtpToOneself hands in a message to who logged in: the server behind nginx sends
// nothing out.
func smtpToOneself(c *client, user string) error {
	for _, step := range []struct{ send, want string }{
		{"MAIL FROM:<" + user + ">", "250"}, {"RCPT TO:<" + user + ">", "250"}, {"DATA", "354"}, {"Subject: hello\r\n\r\nHello\r\n.", "250"},
	} {
		if err := c.expect(step.want, smtpLast, "%s", step.send); err != nil {
			return err
		}
	}
	return nil
}

// mustSay logs in and wants an answer that begins with these words.
func mustSay(t *testing.T, d door, a attempt, want string) {
	t.Helper()
	c, answer, err := d.try(a)
	if err != nil {
		t.Fatalf("%v after %q", err, answer)
	}
	defer c.Close()
	if !strings.HasPrefix(answer, want) {
		t.Errorf("%s: want %q..., got %q", d.name, want, answer)
	}
}

// testNginxCommands logs in by the commands of IMAP and POP3 themselves, with what
// has to be escaped on the way.
func testNginxCommands(t *testing.T, s *nginxStack, p *people) {
	letters := p.freeApp.Secret
	spelled := letters[:4] + " " + letters[4:8] + " " + letters[8:12] + " " + letters[12:]
	odd := `50% of "é"\ + 1`
	const person = "odd@example.org"
	s.latchkey.addAccount(t, person, odd)
	quoted := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	for name, c := range map[string]struct{ user, secret, want string }{
		"app password as people type it": {p.free, spelled, "a OK"},
		"percent, quotes and blanks":     {person, odd, "a OK"},
		"almost":                         {person, odd + " ", "a NO [ALERT] " + sentence},
	} {
		t.Run("IMAP LOGIN/"+name, func(t *testing.T) {
			t.Parallel()
			imap, err := s.doors[0].open()
			if err != nil {
				t.Fatal(err)
			}
			defer imap.Close()
			if err := imap.expect(c.want, prefixed("a "), "a LOGIN %s %s", quoted(c.user), quoted(c.secret)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("POP3 USER and PASS", func(t *testing.T) {
		t.Parallel()
		pop3, err := s.pop3.open()
		if err != nil {
			t.Fatal(err)
		}
		defer pop3.Close()
		if err := pop3.expect("+OK", anyLine, "USER %s", p.bound); err != nil {
			t.Error(err)
		}
		if err := pop3.expect("-ERR [AUTH] "+sentence, anyLine, "PASS %s", p.password); err != nil {
			t.Error(err)
		}
	})
}

// testNginxTries: who was refused may try again on the same connection, ten times
// in all.
func testNginxTries(t *testing.T, s *nginxStack, p *people) {
	wrong := attempt{mechanism: "PLAIN", user: p.free, secret: "wrong horse 42"}
	c, answer, err := s.doors[0].try(wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for try := 1; ; try++ {
		if want := s.doors[0].refused(sentence); answer != want {
			t.Fatalf("try %d: %q", try, answer)
		}
		if try == 10 {
			break
		}
		if answer, err = imapLogin(c, wrong); err != nil {
			t.Fatalf("try %d: %v", try, err)
		}
	}
	if line, err := c.line(); err == nil {
		t.Errorf("after the tenth try: %q", line)
	}
	c, _, err = s.doors[1].try(wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if answer, err := smtpLogin(c, attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}); err != nil || !strings.HasPrefix(answer, "235") {
		t.Errorf("the second try, with the right secret: %q, %v", answer, err)
	}
}

// testNginxEvents looks at what is on record of the logins before it: nginx's
// question, and that of the server behind it, of the same credential.
func testNginxEvents(t *testing.T, s *nginxStack, p *people) {
	secured := map[string]map[bool]bool{"imap": {}, "smtp": {}}
	decoder := json.NewDecoder(strings.NewReader(s.latchkey.command(t, "", "events", p.bound, "--json")))
	for decoder.More() {
		var e struct {
			Kind, Outcome, Credential, Service, Mechanism, Addr string
			Secured                                             bool
		}
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Service == "" || e.Outcome != "accepted" {
			continue
		}
		if e.Mechanism != "PLAIN" && e.Mechanism != "LOGIN" || e.Addr != "127.0.0.1" || e.Credential != p.boundApp.ID || secured[e.Service] == nil {
			t.Errorf("event %+v", e)
			continue
		}
		secured[e.Service][e.Secured] = true
	}
	for service, seen := range secured {
		if !seen[true] {
			t.Errorf("%s: no login over TLS on record", service)
		}
	}
}

// testNginxAway: what nginx says of its own when it cannot ask, of a good password
// and of a wrong one. It is no word on the password.
func testNginxAway(t *testing.T, s *nginxStack, p *people) {
	for _, secret := range []string{p.freeApp.Secret, "wrong horse 42"} {
		a := attempt{mechanism: "PLAIN", user: p.free, secret: secret}
		mustSay(t, s.doors[1], a, "451 4.3.2 Internal server error")
		mustSay(t, s.pop3, a, "-ERR internal server error")
		c, err := s.doors[0].open()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.send("a AUTHENTICATE PLAIN"); err != nil {
			t.Fatal(err)
		}
		if answer, err := c.exchange(a, prefixed("+"), "%s"); err != nil || answer != "* BAD internal server error" {
			t.Errorf("IMAP: %q, %v", answer, err)
		}
	}
}

// TestNginxStranger: an nginx that does not know the secret lets nobody in, and
// latchkey says why.
func TestNginxStranger(t *testing.T) {
	s := newNginxStack(t)
	s.startLatchkey(t)
	s.startNginx(t, nginxSecret+"!")
	s.latchkey.addAccount(t, "free@example.org", "correct horse 42")
	mustSay(t, s.pop3, attempt{mechanism: "PLAIN", user: "free@example.org", secret: "correct horse 42"}, "-ERR internal server error")
	mustSay(t, s.doors[1], attempt{mechanism: "PLAIN", user: "free@example.org", secret: "correct horse 42"}, "451 4.3.2 Internal server error")
	if !s.latchkey.log.await("has not the secret of [nginx] secret_file", patience) {
		t.Error("not a word in latchkey's log")
	}
	if log := s.latchkey.log.tail(1000); strings.Contains(log, nginxSecret) || strings.Count(log, "has not the secret") != 1 {
		t.Errorf("the log says\n%s", log)
	}
}

// TestNginxSocket has latchkey make the socket of the [[listener]] section, and
// lets the test hold that of the unit as systemd would: both are the same, and a
// login that comes while the daemon is away is decided when it is back.
func TestNginxSocket(t *testing.T) {
	s := newNginxStack(t)
	s.startLatchkey(t)
	s.startNginx(t, nginxSecret)
	s.latchkey.addAccount(t, "free@example.org", "correct horse 42")
	good := attempt{mechanism: "PLAIN", user: "free@example.org", secret: "correct horse 42"}
	mustPass(t, s.doors[0], good)
	s.latchkey.stop(t)

	settings := map[string]string{}
	for line := range strings.Lines(nginxMoved(t, s.place, "latchkey-nginx.socket")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[key] = value
	}
	path := settings["ListenStream"]
	owner := strings.TrimSpace(mustRun(t, "", "stat", "-c", "%U %G %04a %F", path))
	if want := settings["SocketUser"] + " " + settings["SocketGroup"] + " " + settings["SocketMode"] + " socket"; owner != want {
		t.Errorf("latchkey makes it as %q, the unit as %q", owner, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mode, err := strconv.ParseUint(settings["SocketMode"], 8, 32)
	if err != nil {
		t.Fatal(err)
	}
	s.latchkey.sockets = append(s.latchkey.sockets, openSocket(t, unit{settings["FileDescriptorName"], path, settings["SocketGroup"], os.FileMode(mode)}))
	refused := attempt{mechanism: "PLAIN", user: "free@example.org", secret: "wrong horse 42"}
	came := make(chan string)
	go func() {
		c, answer, err := s.doors[1].try(refused)
		if err == nil {
			c.Close()
		}
		came <- answer
	}()
	s.latchkey.start(t)
	if answer := <-came; answer != s.doors[1].refused(sentence) {
		t.Errorf("came while the daemon was away: %q", answer)
	}
	if !s.latchkey.log.await("msg=ready", patience) {
		t.Fatal("not ready")
	}
	mustPass(t, s.doors[0], good)
}
