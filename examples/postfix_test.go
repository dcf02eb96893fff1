package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// postfix is a whole Postfix running examples/postfix.
type postfix struct {
	*process
	conf string // its config_directory

	smtp, submissions, submission, port994 string // addresses
}

// newPostfix makes the instance's folders. main.cf and master.cf have no
// "include": they are copied byte for byte, and the overlay is made with
// Postfix's own editor, postconf.
func newPostfix(t *testing.T, p *place) *postfix {
	t.Helper()
	conf := p.folder(t, "postfix", "root", 0o755)
	queue := p.folder(t, "queue", "root", 0o755)
	data := p.folder(t, "postfix-data", "postfix", 0o700)
	p.folder(t, "queue/private", "postfix", 0o700)
	copyChrootFiles(t, p)
	for _, name := range []string{"main.cf", "master.cf"} {
		p.copy(t, filepath.Join("postfix", name))
	}
	ports := freePorts(t, 4)
	f := &postfix{
		conf: conf, smtp: "127.0.0.1:" + ports[0], submissions: "127.0.0.1:" + ports[1],
		submission: "127.0.0.1:" + ports[2], port994: "127.0.0.1:" + ports[3],
	}
	f.openPort994(t)
	for service, address := range map[string]string{
		"smtp/inet": f.smtp, "submissions/inet": f.submissions, "submission/inet": f.submission, "994/inet": f.port994,
	} {
		mustRun(t, "", "postconf", "-c", conf, "-F", service+"/service="+address)
	}
	mustRun(t, "", "postconf", "-c", conf, "-e",
		"queue_directory="+queue, "data_directory="+data,
		"maillog_file=/dev/stdout", "inet_interfaces=127.0.0.1", "mynetworks=127.0.0.1/32",
		"smtpd_tls_cert_file="+p.cert, "smtpd_tls_key_file="+p.key,
		"smtpd_sender_login_maps=hash:"+filepath.Join(conf, "latchkey-senders"))
	return f
}

// openPort994 does what the example says about port 994: "take the # away".
func (f *postfix) openPort994(t *testing.T) {
	t.Helper()
	path := filepath.Join(f.conf, "master.cf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "#994 ") || strings.HasPrefix(line, "#  -o ") {
			lines[i] = line[1:]
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *postfix) start(t *testing.T) {
	t.Helper()
	// "check" makes the queue's folders. Then the master process is run as
	// "postfix start-fg" would run it, but as a child that we can end.
	mustRun(t, "", "postfix", "-c", f.conf, "check")
	master := filepath.Join(strings.TrimSpace(mustRun(t, "", "postconf", "-h", "daemon_directory")), "master")
	f.process = start(t, "postfix", exec.Command(master, "-c", f.conf, "-s"), "daemon started")
}

// copyChrootFiles puts the system files into the chroot that Debian's start
// script (configure-instance.sh) puts there.
func copyChrootFiles(t *testing.T, p *place) {
	t.Helper()
	p.folder(t, "queue/etc", "root", 0o755)
	for _, name := range []string{"localtime", "services", "resolv.conf", "hosts", "host.conf", "nsswitch.conf"} {
		text, err := os.ReadFile(filepath.Join("/etc", name))
		if err == nil {
			p.write(t, filepath.Join("queue/etc", name), string(text))
		}
	}
}
