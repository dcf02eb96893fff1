package examples

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
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
