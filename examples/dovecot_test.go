package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// series is a series of Dovecot that the tests run.
type series struct {
	folder   string // of the example
	debian13 bool   // lies in the Debian 13 that .ci/debian13 makes
	ready    string // what it says of itself at its start
	first    string // how the overlay must begin
	tls      string // certificate and key in the overlay: %[1]s and %[2]s
}

var (
	dovecot23 = series{
		folder: "dovecot-2.3", ready: "Dovecot v2.3.",
		tls: "ssl_cert = <%[1]s\nssl_key = <%[2]s",
	}
	dovecot24 = series{
		folder: "dovecot-2.4", debian13: true, ready: "Dovecot v2.4.", first: "dovecot_config_version = 2.4.0",
		tls: "ssl_server_cert_file = %[1]s\nssl_server_key_file = %[2]s",
	}
)

// command is how one of its programs is begun, for the servers of a place.
func (v series) command(t *testing.T, p *place, program string, args ...string) []string {
	t.Helper()
	command := append([]string{program}, args...)
	if v.debian13 {
		command = append(inDebian13(t, p), command...)
	}
	return command
}

// units are the systemd units of the example, one for each socket.
func (v series) units() []string {
	return []string{
		v.folder + "/latchkey-dovecot-client.socket", v.folder + "/latchkey-dovecot-master.socket",
		v.folder + "/latchkey-dovecot-userdb.socket",
	}
}

// dovecot is a whole Dovecot running examples/dovecot-2.3 or its like.
type dovecot struct {
	*process
	series series
	place  *place
	conf   string // what it runs: an overlay that includes the example
	base   string // its base_dir

	imaps, pop3s, sieve, submission string // addresses
	imap                            string // only after listenIMAP
}

// dovecotOverlay includes the example as it stands and then moves its ports,
// folders and certificates, and nothing else.
const dovecotOverlay = `
%[1]s
!include %[2]s/%[3]s/dovecot.conf

base_dir = %[2]s/dovecot
state_dir = %[2]s/dovecot-state
log_path = /dev/stderr
listen = 127.0.0.1
%[4]s

service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = %[5]s
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = %[6]s
  }
}
service managesieve-login {
  inet_listener sieve {
    port = %[7]s
  }
}
service submission-login {
  inet_listener submission {
    port = %[8]s
  }
}
submission_relay_port = %[9]s

service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0
  }
  unix_listener %[2]s/queue/private/dovecot-lmtp {
    user = postfix
    group = postfix
    mode = 0600
  }
}
`

// newDovecot copies the example and writes the overlay. relayPort is the port of
// the mail server that its submission service hands on to.
func newDovecot(t *testing.T, p *place, v series, relayPort string) *dovecot {
	t.Helper()
	p.folder(t, v.folder, "root", 0o755)
	for _, name := range []string{"dovecot.conf", "latchkey.conf"} {
		p.copy(t, filepath.Join(v.folder, name))
	}
	ports := freePorts(t, 4)
	d := &dovecot{
		series: v, place: p, base: filepath.Join(p.dir, "dovecot"),
		imaps: "127.0.0.1:" + ports[0], pop3s: "127.0.0.1:" + ports[1],
		sieve: "127.0.0.1:" + ports[2], submission: "127.0.0.1:" + ports[3],
	}
	p.folder(t, "dovecot-state", "root", 0o755)
	d.conf = p.write(t, filepath.Base(dovecotConf(p)), fmt.Sprintf(dovecotOverlay, v.first, p.dir, v.folder, fmt.Sprintf(v.tls, p.cert, p.key),
		ports[0], ports[1], ports[2], ports[3], relayPort))
	return d
}

// overlay adds to what it runs, from its next start on.
func (d *dovecot) overlay(t *testing.T, more string) {
	t.Helper()
	d.place.write(t, filepath.Base(d.conf), readFile(t, d.conf)+more)
}

// listenIMAP gives it IMAP's port with STARTTLS, too.
func (d *dovecot) listenIMAP(t *testing.T) {
	t.Helper()
	port := freePorts(t, 1)[0]
	d.imap = "127.0.0.1:" + port
	d.overlay(t, fmt.Sprintf("service imap-login {\n  inet_listener imap {\n    port = %s\n  }\n}\n", port))
}

// dovecotConf is where the overlay of a place lies.
func dovecotConf(p *place) string { return filepath.Join(p.dir, "dovecot.conf") }

func (d *dovecot) start(t *testing.T) {
	t.Helper()
	command := d.series.command(t, d.place, "dovecot", "-F", "-c", d.conf)
	d.process = start(t, "dovecot", exec.Command(command[0], command[1:]...), d.series.ready)
}

// doveadm runs Dovecot's administration tool on this instance.
func (d *dovecot) doveadm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := d.series.command(t, d.place, "doveadm", append([]string{"-c", d.conf}, args...)...)
	return run("", command[0], command[1:]...)
}

// children lists the programs that Dovecot's master process has started, as
// they name themselves: "dovecot/imap-login".
func (d *dovecot) children(t *testing.T) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	parent := fmt.Sprint(d.cmd.Process.Pid)
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state ppid …; a name may hold blanks and brackets.
		after := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(after) > 1 && after[1] == parent {
			cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(stat), "cmdline"))
			program, _, _ := strings.Cut(string(cmdline), "\x00")
			names = append(names, strings.Fields(program+" ")...)
		}
	}
	return names
}
