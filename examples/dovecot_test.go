package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// dovecot is a whole Dovecot running examples/dovecot-2.3.
type dovecot struct {
	*process
	conf string // what it runs: an overlay that includes the example
	base string // its base_dir

	imaps, pop3s, sieve, submission string // addresses
}

// dovecotOverlay includes the example as it stands and then moves its ports,
// folders and certificates, and nothing else.
const dovecotOverlay = `
!include %[1]s/dovecot.conf

base_dir = %[2]s/dovecot
state_dir = %[2]s/dovecot-state
log_path = /dev/stderr
listen = 127.0.0.1
ssl_cert = <%[3]s
ssl_key = <%[4]s

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

// newDovecot writes the overlay. relayPort is the port of the mail server that
// its submission service hands on to.
func newDovecot(t *testing.T, p *place, relayPort string) *dovecot {
	t.Helper()
	example, err := filepath.Abs("dovecot-2.3")
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	d := &dovecot{
		base:  filepath.Join(p.dir, "dovecot"),
		imaps: "127.0.0.1:" + ports[0], pop3s: "127.0.0.1:" + ports[1],
		sieve: "127.0.0.1:" + ports[2], submission: "127.0.0.1:" + ports[3],
	}
	p.folder(t, "dovecot-state", "root", 0o755)
	d.conf = p.write(t, filepath.Base(dovecotConf(p)), fmt.Sprintf(dovecotOverlay, example, p.dir, p.cert, p.key,
		ports[0], ports[1], ports[2], ports[3], relayPort))
	return d
}

// dovecotConf is where the overlay of a place lies.
func dovecotConf(p *place) string { return filepath.Join(p.dir, "dovecot.conf") }

func (d *dovecot) start(t *testing.T) {
	t.Helper()
	d.process = start(t, "dovecot", exec.Command("dovecot", "-F", "-c", d.conf), "starting up")
}

// doveadm runs Dovecot's administration tool on this instance.
func (d *dovecot) doveadm(args ...string) (string, error) {
	return run("", "doveadm", append([]string{"-c", d.conf}, args...)...)
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
