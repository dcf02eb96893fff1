package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

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
