package examples

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newLoneLatchkey writes the configuration of a daemon without the examples'
// sockets, with more sections.
func newLoneLatchkey(t *testing.T, p *place, more string) *latchkey {
	t.Helper()
	l := &latchkey{binary: binary, data: p.folder(t, "data", "root", 0o700), run: p.folder(t, "run", "root", 0o755)}
	l.config = p.write(t, "latchkey.toml", fmt.Sprintf("data_dir = %q\nrun_dir = %q\n[auth]\nrefusal = %q\n%s", l.data, l.run, sentence, more))
	return l
}

// login is what an event says of one.
type login struct {
	Outcome, Addr, Network string
	Count                  int
}

func (l *latchkey) logins(t *testing.T, address string) (list []login) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(l.command(t, "", "events", address, "--json")))
	for decoder.More() {
		var e struct {
			login
			Service string
		}
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Service != "" {
			list = append(list, e.login)
		}
	}
	return list
}

// TestPostfixTCP lets Postfix ask over TCP: who logs in from anywhere counts as
// one place, since whoever reaches the port could claim any.
func TestPostfixTCP(t *testing.T) {
	requireMailServers(t)
	p := newPlace(t)
	f := newPostfix(t, p)
	place := "127.0.0.1:" + freePorts(t, 1)[0]
	l := newLoneLatchkey(t, p, fmt.Sprintf("[[listener]]\naddress = %q\nkind = \"client\"\n", place))
	l.process = start(t, "latchkey", exec.Command(binary, "--config", l.config, "serve"), "msg=ready")
	mustRun(t, "", "postconf", "-c", f.conf, "-e", "smtpd_sasl_path=inet:"+place)
	f.start(t)
	const good, bad, password = "good@example.org", "bad@example.org", "correct horse 42"
	l.addAccount(t, good, password)
	l.addAccount(t, bad, password)
	d := postfixDoor("submission through Postfix", f.submission, false)
	d.tls = p.tls

	for i, from := range []string{"127.0.0.1", "127.0.0.2"} {
		answer := tryFrom(t, d, from, attempt{mechanism: "PLAIN", user: good, secret: password})
		if !strings.HasPrefix(answer, d.accepted) {
			t.Errorf("from %s: %q", from, answer)
		}
		answer = tryFrom(t, d, from, attempt{mechanism: "LOGIN", user: bad, secret: fmt.Sprint("wrong horse ", i)})
		if answer != d.refused(sentence) {
			t.Errorf("from %s, wrong: %q", from, answer)
		}
	}
	for address, outcome := range map[string]string{good: "accepted", bad: "rejected"} {
		got := l.logins(t, address)
		if len(got) != 1 || got[0] != (login{Outcome: outcome, Count: 2}) {
			t.Errorf("%s: want one place without an address, twice %s, got %+v", address, outcome, got)
		}
	}
}

// tryFrom logs in from one of this machine's addresses.
func tryFrom(t *testing.T, d door, from string, a attempt) string {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	conn, err := dialer.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c := newClient(conn)
	if err := d.enter(c, d); err != nil {
		t.Fatal(err)
	}
	answer, err := d.login(c, a)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

var systemdPeers = []peer{
	{"systemd-analyze (systemd)", "/usr/bin/systemd-analyze"},
	{"systemd-socket-activate (systemd)", "/usr/bin/systemd-socket-activate"},
}

// TestUnits lets systemd read every unit of the examples. Only the program's path
// is moved.
func TestUnits(t *testing.T) {
	requirePeers(t, systemdPeers)
	files, err := filepath.Glob("*/*.socket")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	// Two examples may have a unit of the same name: each is read by itself,
	// beside the service.
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			service := moveService(t, dir)
			unit := filepath.Join(dir, filepath.Base(file))
			copyFile(t, file, unit, 0o644)
			if out := mustRun(t, "", "systemd-analyze", "verify", service, unit); out != "" {
				t.Error(out)
			}
		})
	}
	t.Run("the service is shut off", func(t *testing.T) {
		const exposure = "25" // of 100; a service without any such setting has 96
		mustRun(t, "", "systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold="+exposure, moveService(t, t.TempDir()))
	})
}

func moveService(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile("systemd/latchkey.service")
	if err != nil {
		t.Fatal(err)
	}
	service := filepath.Join(dir, "latchkey.service")
	moved := strings.Replace(string(text), "/usr/local/bin/latchkey", binary, 1)
	if err := os.WriteFile(service, []byte(moved), 0o644); err != nil {
		t.Fatal(err)
	}
	return service
}

// TestActivation lets systemd's own tool hold a socket of TCP and one for login
// processes and start the daemon at the first connection: doveadm's.
func TestActivation(t *testing.T) {
	requirePeers(t, systemdPeers, []peer{{"doveadm (dovecot-core)", "/usr/bin/doveadm"}})
	p := newPlace(t)
	const user, password = "u@example.org", "correct horse 42"
	tcp, unix := "127.0.0.1:"+freePorts(t, 1)[0], filepath.Join(p.dir, "login.sock")
	l := newLoneLatchkey(t, p, fmt.Sprintf("[[listener]]\npath = %q\nkind = \"login\"\ntrust_rip = false\n", unix))
	l.addAccount(t, user, password) // before there is a daemon
	start(t, "systemd-socket-activate", exec.Command("systemd-socket-activate", "-l", tcp, "-l", unix,
		"--fdname=client:login", binary, "--config", l.config, "serve"), "Listening on "+unix)
	conf := p.write(t, "doveadm.conf", "ssl = no\nlog_path = /dev/stderr\nbase_dir = "+p.dir+"\n")
	for _, c := range []struct{ password, want string }{{password, "auth succeeded"}, {"wrong horse 42", "auth failed"}} {
		out, _ := run("", "doveadm", "-c", conf, "auth", "test", "-a", unix, "-x", "service=imap", "-x", "rip=192.0.2.7", user, c.password)
		if !strings.Contains(out, c.want) {
			t.Errorf("want %q, got %s", c.want, out)
		}
	}
	for _, e := range l.logins(t, user) {
		if e.Addr != "" || e.Count != 1 {
			t.Errorf("the socket's own trust_rip does not count: %+v", e)
		}
	}
	// The other socket, of TCP, was passed on, too, and to ask is all that it is for.
	c, err := dial("tcp", tcp, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if line, err := c.lineUntil(prefixed("DONE")); err != nil {
		t.Errorf("%q, %v", line, err)
	}
}
