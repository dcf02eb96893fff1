package examples

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a Debian 12 of its own, as .ci/machine boots it: real paths, real
// ports, a real systemd, and nothing of it left afterwards.
type machine struct {
	*process
	outside, network *os.File // network namespaces: ours, the machine's
}

var machinePeers = []peer{
	{"systemd", "/lib/systemd/systemd"},
	{"nsenter (util-linux)", "/usr/bin/nsenter"},
	{"adduser", "/usr/sbin/adduser"},
	{"openssl", "/usr/bin/openssl"},
}

// namespaces are all that .ci/machine wants to be run in.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWPID

// requireMachine skips where there are no such machines.
func requireMachine(t *testing.T) {
	t.Helper()
	requirePeers(t, machinePeers)
	cmd := exec.Command("mount", "-t", "tmpfs", "tmpfs", "/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Unshareflags: syscall.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		absent(t)("a machine in namespaces of its own cannot be made here: %v", err)
	}
}

// newMachine boots it and waits until it is up.
func newMachine(t *testing.T) *machine {
	t.Helper()
	script, err := filepath.Abs("../.ci/machine")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mustRun(t, "", script, "--clean", dir)
		os.RemoveAll(dir)
	})
	cmd := exec.Command(script, "--inside", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	m := &machine{process: start(t, "machine", cmd, "")}
	t.Cleanup(func() {
		if t.Failed() {
			journal, _ := m.run("journalctl --no-pager --priority=warning --lines=40\njournalctl --no-pager --lines=60")
			t.Logf("the machine's journal:\n%s", journal)
		}
		m.kill() // systemd takes no SIGTERM for an end
	})
	m.outside, m.network = openNetwork(t, os.Getpid()), openNetwork(t, cmd.Process.Pid)
	m.awaitUp(t)
	return m
}

func openNetwork(t *testing.T, pid int) *os.File {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// awaitUp asks until systemd can be asked, and then systemd.
func (m *machine) awaitUp(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		out, err := m.run("test -d /run/systemd/system && systemctl is-system-running --wait")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the machine is not up: %v\n%s", err, m.log.tail(20))
		}
		if strings.Contains(out, "degraded") {
			failed, _ := m.run("systemctl --failed --no-pager")
			t.Fatalf("the machine is up, but not all of it:\n%s", failed)
		}
	}
}

// command runs a program on the machine.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--all", "--target", strconv.Itoa(m.cmd.Process.Pid), name}, args...)...)
}

// sources is the folder of latchkey's source on the machine.
const sources = "/root/latchkey"

// run gives commands to root's shell, in latchkey's folder, until one fails. It
// returns what they print, both streams in one.
func (m *machine) run(commands string) (string, error) {
	cmd := m.command("bash", "-eu", "-o", "pipefail")
	cmd.Stdin = strings.NewReader("umask 022\n" + "cd " + sources + " 2>/dev/null || cd /\n" + commands)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s%s", err, commands, out.String())
	}
	return out.String(), nil
}

func (m *machine) mustRun(t *testing.T, commands string) string {
	t.Helper()
	out, err := m.run(commands)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// unpack puts the examples and the program where an administrator would have them.
func (m *machine) unpack(t *testing.T) {
	t.Helper()
	m.mustRun(t, "mkdir -p "+sources+"/examples")
	// The examples are files of a few KiB; screenshots and tests stay behind.
	pack := exec.Command("tar", "--create", "--exclude=*.go", "--exclude=screenshots", "--exclude=testdata", ".")
	m.pipe(t, pack, "tar", "--extract", "--no-same-owner", "--directory="+sources+"/examples")
	m.pipe(t, exec.Command("cat", binary), "sh", "-c", "cat >"+sources+"/latchkey && chmod 755 "+sources+"/latchkey")
}

// pipe hands what one program prints to another, on the machine.
func (m *machine) pipe(t *testing.T, from *exec.Cmd, name string, args ...string) {
	t.Helper()
	to := m.command(name, args...)
	r, err := from.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	to.Stdin = r
	var complaint bytes.Buffer
	to.Stderr = &complaint
	err = from.Start()
	if err == nil {
		err = errors.Join(to.Run(), from.Wait())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%v: %s", err, complaint.String())
	}
}

// online does something in the machine's network. Sockets that are opened
// meanwhile stay there.
func (m *machine) online(do func() error) error {
	runtime.LockOSThread()
	if err := unix.Setns(int(m.network.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		// A thread that does not get back is not given to others.
		if unix.Setns(int(m.outside.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return do()
}
