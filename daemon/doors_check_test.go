package daemon

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// somebody is another process, of a program with this name, that listens at a
// path until told to leave; what it saw meanwhile is then returned.
func somebody(t *testing.T, name, path string) (leave func() string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), name)
	if err := os.Link(self, program); err != nil {
		copyTo(t, self, program)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), listenOn+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return func() string {
		in.Close()
		saw, err := io.ReadAll(lines)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Error(err)
		}
		return string(saw)
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o755); err != nil {
		t.Fatal(err)
	}
}

// doorsAt has one more socket, in a folder of its own.
func doorsAt(t *testing.T) (*config.Config, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk") // t.TempDir's paths are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cfg := testConfig(dir)
	path := filepath.Join(dir, "socket")
	cfg.Listeners = []config.Listener{{Path: path, Kind: config.KindClient, Mode: 0o660}}
	return cfg, path
}

func checkDoors(t *testing.T, cfg *config.Config, o DoorCheck) string {
	t.Helper()
	found, err := CheckDoors(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, p := range found.Wrong {
		said = append(said, "wrong: "+p.Text)
	}
	for _, p := range found.Doubtful {
		said = append(said, "doubtful: "+p.Text)
	}
	return strings.Join(said, "\n")
}

// A socket of systemd's is as it should be, unless the daemon starts and has not
// been given it; and nobody connects to it to find out, which would start a service.
func TestDoorOfSystemd(t *testing.T) {
	cfg, path := doorsAt(t)
	leave := somebody(t, "systemd", path)
	if os.Geteuid() == 0 { // others do not see what systemd has open
		if said := checkDoors(t, cfg, DoorCheck{}); said != "" {
			t.Errorf("said: %s", said)
		}
	}
	if said := checkDoors(t, cfg, DoorCheck{Start: true}); !strings.HasPrefix(said, "wrong: "+path+": systemd holds it, but has not passed it on") {
		t.Errorf("at the start: %q", said)
	}
	if saw := leave(); saw != "" {
		t.Errorf("it saw %q", saw)
	}
	if said := checkDoors(t, cfg, DoorCheck{Start: true}); said != "" {
		t.Errorf("a socket that nobody listens on any more: %s", said)
	}
}

func TestDoorOfSomebodyElse(t *testing.T) {
	cfg, path := doorsAt(t)
	leave := somebody(t, "other", path)
	defer leave()
	for _, o := range []DoorCheck{{}, {Start: true}} {
		if said := checkDoors(t, cfg, o); !strings.HasPrefix(said, "wrong: "+path+`: "other" (process `) {
			t.Errorf("%+v: %q", o, said)
		}
	}
	// Where its file has gone to another socket, nobody is in the way.
	if err := os.Rename(path, path+".gone"); err != nil {
		t.Fatal(err)
	}
	l, err := bind(cfg.Listeners[0])
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if said := checkDoors(t, cfg, DoorCheck{Start: true}); said != "" {
		t.Errorf("%s", said)
	}
}

// The daemon's own sockets are not in its way, whoever looks.
func TestDoorsOfTheDaemon(t *testing.T) {
	d := start(t, func(c *config.Config) {
		c.Listeners = []config.Listener{
			{Path: c.RunDir + "/socket", Kind: config.KindClient, Mode: 0o660},
			{Address: freeAddress(t), Kind: config.KindClient, DistrustRIP: true},
		}
	})
	for _, o := range []DoorCheck{{}, {Start: true}} {
		if said := checkDoors(t, d.cfg, o); said != "" {
			t.Errorf("%+v: %s", o, said)
		}
	}
}

// TestPortBelow1024: most users are refused such a port before the kernel looks who
// has it. systemd may have passed it on all the same.
func TestPortBelow1024(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cfg, _ := doorsAt(t)
	refused := func() (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}
	}
	look := func(place string) []config.Problem {
		c := &doorCheck{cfg: cfg, user: localUser{self: true}, start: true, tasks: newHolders(cfg.DataDir)}
		c.port("portal.listen", place, refused)
		return c.found.Wrong
	}
	if wrong := look(held.Addr().String()); len(wrong) > 0 {
		t.Errorf("this process holds it: %v", wrong)
	}
	if wrong := look("127.0.0.1:1"); len(wrong) != 1 || !strings.Contains(wrong[0].Text, "permission denied") {
		t.Errorf("nobody holds it: %v", wrong)
	}
}

func TestFolderOfDoor(t *testing.T) {
	cfg, path := doorsAt(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := checkDoors(t, cfg, DoorCheck{}); said != "wrong: "+path+": something that is not a socket is in its place" {
		t.Errorf("%q", said)
	}
	for below, want := range map[string]string{
		"/a":        "is not a folder",
		"/../b/c":   "",
		"/../b/c/d": "one folder is made, not two",
	} {
		cfg.Listeners[0].Path = filepath.Clean(path + below)
		said := checkDoors(t, cfg, DoorCheck{})
		if want == "" && said != "" || !strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", below, said, want)
		}
	}
}
