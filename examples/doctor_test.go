package examples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/doctor"
)

// diagnosis is what "doctor --json" prints.
type diagnosis struct {
	OK      bool            `json:"ok"`
	Reports []doctor.Report `json:"reports"`
}

// lines are the texts of a level.
func (d *diagnosis) lines(l doctor.Level) []string {
	var all []string
	for _, r := range d.Reports {
		for _, f := range r.Findings {
			if f.Level == l {
				all = append(all, f.Text)
			}
		}
	}
	return all
}

// diagnose runs doctor on the servers of a place, and checks its exit status.
func diagnose(t *testing.T, l *latchkey, dovecotConf, postfixConf string) *diagnosis {
	t.Helper()
	args := []string{"--config", l.config, "doctor", "--json", "--dovecot-config", dovecotConf, "--postfix-config", postfixConf}
	out, err := exec.Command(l.binary, args...).Output()
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	var d diagnosis
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := map[bool]int{true: 0, false: 1}[len(d.lines(doctor.Open)) == 0]; status != want || d.OK != (want == 0) {
		t.Errorf("exit status %d, ok %v, but these doors are open: %q", status, d.OK, d.lines(doctor.Open))
	}
	return &d
}

// TestDoctor: with the examples running as they stand every door is right and
// everybody may come to the sockets; and whatever is changed is named.
func TestDoctor(t *testing.T) {
	requireMailServers(t)
	s := newStack(t, dovecot23, true)
	look := func() *diagnosis { return diagnose(t, s.latchkey, s.dovecot.conf, s.postfix.conf) }

	d := look()
	if open, warnings := d.lines(doctor.Open), d.lines(doctor.Warning); len(open)+len(warnings) > 0 {
		t.Errorf("open %q, warnings %q", open, warnings)
	}
	for _, want := range []string{
		"imap-login asks latchkey", "pop3-login asks latchkey", "submission-login asks latchkey", "managesieve-login asks latchkey",
		"mailbox processes ask latchkey", "delivery and doveadm ask latchkey", "Dovecot's own auth service has no socket", "there is no passdb",
		"/queue/private/latchkey (client) answers", "auth-master (master) answers", "auth-userdb (userdb) answers", "answers on ",
	} {
		if !slices.ContainsFunc(d.lines(doctor.Good), func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("nothing says %q: %q", want, d.lines(doctor.Good))
		}
	}
	passwords := func() int {
		n := 0
		for _, line := range d.lines(doctor.Good) {
			if strings.Contains(line, "inet asks latchkey at "+s.place.dir+"/queue/private/latchkey") {
				n++
			}
		}
		return n
	}
	if passwords() != 3 { // ports 465, 587 and 994
		t.Errorf("%d of Postfix's ports ask latchkey: %q", passwords(), d.lines(doctor.Good))
	}

	t.Run("kept out", func(t *testing.T) {
		socket := s.place.dir + "/queue/private/latchkey"
		if err := os.Chmod(socket, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(socket, 0, 0); err != nil {
			t.Fatal(err)
		}
		if warnings := look().lines(doctor.Warning); !slices.ContainsFunc(warnings, func(line string) bool { return strings.Contains(line, "postfix may not connect") }) {
			t.Errorf("%q", warnings)
		}
		uid, gid := ids(t, "postfix")
		if err := errors.Join(os.Chown(socket, uid, gid), os.Chmod(socket, 0o660)); err != nil {
			t.Fatal(err)
		}
	})

	mustRun(t, "", "postconf", "-c", s.postfix.conf, "-P", firstPassword(t, s.postfix.conf)+"/smtpd_sasl_type=cyrus")
	appendTo(t, s.dovecot.conf, `
service pop3-login {
  executable = pop3-login
}
passdb {
  driver = pam
}
service auth {
  unix_listener `+s.place.dir+`/queue/private/auth {
    user = postfix
    mode = 0660
  }
}
`)
	mustRun(t, "", "postconf", "-c", s.postfix.conf, "-e", "smtpd_sasl_path=private/auth")
	d = look()
	open := strings.Join(d.lines(doctor.Open), "\n")
	for _, want := range []string{
		fmt.Sprintf("pop3-login asks %s/login/login, Dovecot's own auth service", s.dovecot.base),
		"asks Cyrus SASL (smtpd_sasl_type=cyrus)",
		"inet asks " + s.place.dir + "/queue/private/auth, which is none of latchkey's sockets",
	} {
		if !strings.Contains(open, want) {
			t.Errorf("nothing says %q:\n%s", want, open)
		}
	}
	if n := len(d.lines(doctor.Open)); n != 4 {
		t.Errorf("%d doors open, want pop3 and three of Postfix's:\n%s", n, open)
	}
	if warnings := strings.Join(d.lines(doctor.Warning), "\n"); !strings.Contains(warnings, "Dovecot's own auth service can still be asked") {
		t.Errorf("warnings: %s", warnings)
	}
}

// firstPassword is one of Postfix's services that take passwords, as postconf -P
// calls it.
func firstPassword(t *testing.T, conf string) string {
	t.Helper()
	for line := range strings.Lines(mustRun(t, "", "postconf", "-c", conf, "-P")) {
		if service, found := strings.CutSuffix(strings.TrimSpace(line), "/smtpd_sasl_auth_enable = yes"); found {
			return service
		}
	}
	t.Fatal("none of Postfix's services takes passwords")
	return ""
}

// TestDoctorStock: Debian's own configurations ask Dovecot's own auth service at
// every door.
func TestDoctorStock(t *testing.T) {
	requirePeers(t, mailPeers)
	m := &doctor.Machine{}
	wantStock(t, m.Dovecot(t.Context()), "Dovecot 2.3.")
	if r := m.Postfix(t.Context()); !strings.HasPrefix(r.Part, "Postfix ") || doctor.Count([]doctor.Report{r}, doctor.Open) != 0 {
		t.Errorf("%+v", r) // it takes no passwords
	}
}

// TestDoctorDovecot24 is TestDoctorStock with Dovecot 2.4, and then the example.
func TestDoctorDovecot24(t *testing.T) {
	if os.Geteuid() != 0 {
		absent(t)("not root: another Debian is entered by chroot")
	}
	requirePeers(t, debian13Peers)
	p := newPlace(t)
	m := &doctor.Machine{Run: func(ctx context.Context, program string, args ...string) ([]byte, error) {
		command := append(inDebian13(t, p), append([]string{program}, args...)...)
		return exec.CommandContext(ctx, command[0], command[1:]...).Output()
	}}
	wantStock(t, m.Dovecot(t.Context()), "Dovecot 2.4.")
	m.DovecotConfig = newDovecot(t, p, dovecot24, "25").conf
	look := func() string {
		var open []string
		for _, f := range m.Dovecot(t.Context()).Findings {
			if f.Level == doctor.Open {
				open = append(open, f.Text)
			}
		}
		return strings.Join(open, "\n")
	}
	for _, unit := range []string{"client", "master", "userdb"} {
		u := readUnit(t, p, "dovecot-2.4/latchkey-dovecot-"+unit+".socket")
		m.Sockets = append(m.Sockets, doctor.Socket{Kind: config.Kind(u.name), Place: u.path})
	}
	if open := look(); open != "" {
		t.Errorf("the example leaves open:\n%s", open)
	}
	binding := func() bool {
		return slices.ContainsFunc(m.Dovecot(t.Context()).Findings, func(f doctor.Finding) bool {
			return f.Level == doctor.Warning && strings.Contains(f.Text, "ssl_min_protocol is TLSv1.2")
		})
	}
	if binding() {
		t.Error("nothing is offered that needs TLS 1.3, and it warns")
	}
	m.Binding = []string{"SCRAM-SHA-256-PLUS"}
	for i := range m.Sockets {
		if m.Sockets[i].Kind == config.KindClient {
			m.Sockets[i].Kind = config.KindLogin
		}
	}
	if !binding() {
		t.Error("it does not warn of a mechanism that needs TLS 1.3")
	}
	appendTo(t, m.DovecotConfig, "\nssl_min_protocol = TLSv1.3\n")
	if binding() {
		t.Error("it warns although the least version is TLS 1.3")
	}
	appendTo(t, m.DovecotConfig, "\nprotocol pop3 {\n  login_socket_path = login\n}\n")
	if open := look(); open != fmt.Sprintf("pop3-login asks %s/dovecot/login/login, Dovecot's own auth service", p.dir) {
		t.Errorf("open: %s", open)
	}
}

func wantStock(t *testing.T, r doctor.Report, part string) {
	t.Helper()
	if n := doctor.Count([]doctor.Report{r}, doctor.Open); n != 4 || !strings.HasPrefix(r.Part, part) {
		t.Errorf("%d doors open, want 4: %+v", n, r)
	}
	for _, f := range r.Findings {
		if f.Level == doctor.Open && !strings.HasSuffix(f.Text, "asks /run/dovecot/login/login, Dovecot's own auth service") {
			t.Errorf("%s", f.Text)
		}
	}
}
