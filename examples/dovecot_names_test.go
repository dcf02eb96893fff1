package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDovecot242Names has latchkey-2.4.2.conf read by the earlier Dovecot that
// Debian 13 has. It knows every setting but the one that came with 2.4.2.
func TestDovecot242Names(t *testing.T) {
	if os.Geteuid() != 0 {
		absent(t)("not root: only root can run programs of the Debian 13 in its folder")
	}
	requirePeers(t, debian13Peers)
	p := newPlace(t)
	p.folder(t, "dovecot-2.4", "root", 0o755)
	p.copy(t, "dovecot-2.4/dovecot.conf")
	example, err := os.ReadFile("dovecot-2.4/latchkey-2.4.2.conf")
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) (string, error) {
		p.write(t, "dovecot-2.4/latchkey.conf", text)
		command := dovecot24.command(t, p, "doveconf", "-c", filepath.Join(p.dir, "dovecot-2.4/dovecot.conf"), "login_socket_path", "auth_socket_path")
		return run("", command[0], command[1:]...)
	}

	const later = "\nauth_master_socket_path = /run/latchkey/dovecot-master\n"
	if !strings.Contains(string(example), later) {
		t.Fatalf("latchkey-2.4.2.conf has no line %q", later)
	}
	if out, err := read(string(example)); err == nil || !strings.Contains(out, "auth_master_socket_path") {
		t.Errorf("a Dovecot that knows auth_master_socket_path? Then start it with this file: %q, %v", out, err)
	}
	out, err := read(strings.Replace(string(example), later, "\n", 1))
	if want := "login_socket_path = latchkey/auth\nauth_socket_path = /run/latchkey/dovecot-userdb\n"; err != nil || out != want {
		t.Errorf("it reads %q, %v, want %q", out, err, want)
	}
}
