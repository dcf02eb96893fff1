package examples

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// sentence is the refusal in the tests' configuration: what every mail program
// must show, whatever the reason was.
const sentence = "Use an app password. Make one at https://mail.example.org/ (see Help, Mail programs)."

// latchkey is the daemon as a process of its own.
type latchkey struct {
	*process
	binary  string
	config  string     // file
	data    string     // data_dir
	run     string     // run_dir
	ready   string     // end of the path of the last socket that it opens itself
	sockets []*socket  // held by the test and passed on: they outlive the daemon
	logs    []*logBook // of all its lives
}

// socket is an open socket that the test passes on.
type socket struct {
	name string
	file *os.File
}

// newLatchkey writes the configuration: where it keeps its things, what it says,
// the examples' additions, and more sections. Only the folders are moved, and how
// its commands begin doveadm.
func newLatchkey(t *testing.T, p *place, v series, more string) *latchkey {
	t.Helper()
	l := &latchkey{
		binary: binary, data: filepath.Join(p.dir, "data"), run: p.folder(t, "run", "root", 0o755),
		ready: "/queue/private/latchkey",
	}
	p.folder(t, "data", "root", 0o700)
	text := fmt.Sprintf("data_dir = %q\nrun_dir = %q\n[log]\nlevel = \"debug\"\n[auth]\nrefusal = %q\n", l.data, l.run, sentence)
	for _, name := range []string{v.folder + "/latchkey.toml", "postfix/latchkey.toml"} {
		example, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text += p.moved(string(example))
	}
	doveadm := strings.Join(v.command(t, p, "doveadm", "-c", dovecotConf(p)), `", "`)
	l.config = p.write(t, "latchkey.toml", strings.ReplaceAll(text+more, `["doveadm"`, `["`+doveadm+`"`))
	return l
}

// openSockets opens the sockets of these units and the admin socket, as systemd
// would before it starts the daemon.
func (l *latchkey) openSockets(t *testing.T, p *place, units []string) {
	t.Helper()
	for _, file := range units {
		u := readUnit(t, p, file)
		l.sockets = append(l.sockets, openSocket(t, u))
	}
	l.sockets = append(l.sockets, openSocket(t, unit{"admin", filepath.Join(l.run, "admin"), "root", 0o600}))
}

// unit is what a .socket unit says.
type unit struct {
	name  string // FileDescriptorName: what latchkey is to speak on it
	path  string
	owner string
	mode  os.FileMode
}

func readUnit(t *testing.T, p *place, file string) unit {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[key] = value
	}
	mode, err := strconv.ParseUint(settings["SocketMode"], 8, 32)
	if err != nil || settings["SocketUser"] != settings["SocketGroup"] {
		t.Fatalf("%s: SocketMode, SocketUser or SocketGroup: %v", file, err)
	}
	return unit{settings["FileDescriptorName"], p.moved(settings["ListenStream"]), settings["SocketUser"], os.FileMode(mode)}
}

func openSocket(t *testing.T, u unit) *socket {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(u.path), 0o755); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(u.path) // systemd takes the place of a socket that was left behind
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: u.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close() // the file below is the same socket
	uid, gid := ids(t, u.owner)
	if err := os.Chown(u.path, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(u.path, u.mode); err != nil {
		t.Fatal(err)
	}
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &socket{name: u.name, file: file}
}

// start starts the daemon, with the test's sockets as descriptors 3 and up
// (sd_listen_fds(3)). The shell is there to name its own pid, which is the
// daemon's after exec. Without sockets the daemon opens its own, and start waits
// for the last of them.
func (l *latchkey) start(t *testing.T) {
	t.Helper()
	var names []string
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, l.binary, "--config", l.config, "serve")
	for _, s := range l.sockets {
		names = append(names, s.name)
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.file)
	}
	ready := l.ready
	if len(names) > 0 {
		ready = "" // whoever comes early waits in the socket's queue
		cmd.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	l.process = start(t, "latchkey", cmd, ready)
	l.logs = append(l.logs, l.log)
}

// command runs one of latchkey's own commands, which must succeed.
func (l *latchkey) command(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	return mustRun(t, stdin, l.binary, append([]string{"--config", l.config}, args...)...)
}

// addAccount makes an account with a main password.
func (l *latchkey) addAccount(t *testing.T, address, password string) {
	t.Helper()
	l.command(t, password+"\n", "account", "add", address, "--password-stdin")
}

// appPassword is what "app-password add --json" prints.
type appPassword struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// addAppPassword makes an app password; scope may be "" for all.
func (l *latchkey) addAppPassword(t *testing.T, address, scope string) appPassword {
	t.Helper()
	args := []string{"app-password", "add", address, "--name", "test", "--json"}
	if scope != "" {
		args = append(args, "--scope", scope)
	}
	var made appPassword
	if err := json.Unmarshal([]byte(l.command(t, "", args...)), &made); err != nil {
		t.Fatalf("app-password add --json: %v", err)
	}
	if len(made.Secret) != 16 || made.ID == "" {
		t.Fatalf("app-password add --json: id %q and a secret of %d letters, want 16", made.ID, len(made.Secret))
	}
	return made
}
