package hasher

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
	"golang.org/x/sys/unix"
)

// parentEnv makes this test binary a daemon-like parent of one worker.
const parentEnv = "LATCHKEY_HASHER_TEST_PARENT"

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// A spy wraps real worker processes and tells when each gets a job.
type spy struct {
	*process
	asked chan<- *process
}

func (s spy) Match(stored string, pw secret.Secret) (bool, error) {
	s.asked <- s.process
	return s.process.Match(stored, pw)
}

func newRealPool(t *testing.T, workers int) (*Pool, <-chan *process) {
	t.Helper()
	o := Options{Workers: workers, Log: quiet(), Cost: TinyCost()}.withDefaults()
	starter, err := newStarter(o)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { starter.run(stop); close(stopped) }()
	asked := make(chan *process, 100)
	o.Start = func() (Worker, error) {
		w, err := starter.start()
		if err != nil {
			return nil, err
		}
		return spy{process: w.(*process), asked: asked}, nil
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		close(stop)
		<-stopped
	})
	return p, asked
}

func TestRealWorkers(t *testing.T) {
	p, err := New(Options{Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	stored, err := p.Hash(t.Context(), Portal, secret.New("right"))
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash: %q, %v", stored, err)
	}
	for _, test := range []struct {
		stored, password string
		want             bool
		err              error
	}{
		{stored, "right", true, nil},
		{stored, "wrong", false, nil},
		{stored, "", false, nil},
		{"{NOSUCH}x", "right", false, secret.ErrUnknownScheme},
		{"$argon2id$", "right", false, secret.ErrMalformedHash},
		{"$argon2id$v=19$m=1048576,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "right", false, secret.ErrTooCostly},
	} {
		ticket, ok := p.Reserve(Mail, prefix(netA))
		if !ok {
			t.Fatal("no room")
		}
		got, err := ticket.Match(t.Context(), test.stored, secret.New(test.password))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%q with %q: %v, %v; want %v, %v", test.stored, test.password, got, err, test.want, test.err)
		}
	}
}

func TestKilledMidJob(t *testing.T) {
	p, asked := newRealPool(t, 1)
	stored, err := p.Hash(t.Context(), Portal, secret.New("right"))
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	pid := p.slots[0].worker.(spy).cmd.Process.Pid
	p.mu.Unlock()
	// A stopped worker is in the middle of its job for as long as we like.
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ticket, _ := p.Reserve(Mail, prefix(netA))
	matched := make(chan error, 1)
	go func() {
		ok, err := ticket.Match(t.Context(), stored, secret.New("right"))
		if err == nil && !ok {
			err = errWrong
		}
		matched <- err
	}()
	<-asked
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if second := <-asked; second.cmd.Process.Pid == pid {
		t.Error("the dead worker was asked again")
	}
	if err := <-matched; err != nil {
		t.Error(err)
	}
}

func TestWorkerIsConfined(t *testing.T) {
	p, _ := newRealPool(t, 1)
	if _, err := p.Hash(t.Context(), Portal, secret.New("x")); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	pid := p.slots[0].worker.(spy).cmd.Process.Pid
	p.mu.Unlock()
	proc := fmt.Sprintf("/proc/%d/", pid)
	threads, err := filepath.Glob(proc + "task/*/stat")
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads %v, %v", threads, err)
	}
	for _, stat := range threads {
		b, err := os.ReadFile(stat)
		if err != nil {
			t.Fatal(err)
		}
		// proc_pid_stat(5): nice is field 19, counted after the name in brackets.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if nice := fields[16]; nice != strconv.Itoa(defaultNice) {
			t.Errorf("%s: nice %s", stat, nice)
		}
	}
	limits, err := os.ReadFile(proc + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(limits), "Max core file size        0                    0") {
		t.Errorf("core dumps allowed:\n%s", limits)
	}
	if os.Geteuid() == 0 {
		env, err := os.ReadFile(proc + "environ")
		if err != nil || strings.Contains(string(env), "PATH=") {
			t.Errorf("environment %q, %v", env, err)
		}
	}
}

// A worker's memory stays near that of one hash, however many it makes.
func TestWorkerStaysSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	p, _ := newRealPool(t, 1)
	p.opts.Cost = secret.DefaultCost()
	for range 12 {
		if _, err := p.Hash(t.Context(), Portal, secret.New("x")); err != nil {
			t.Fatal(err)
		}
	}
	p.mu.Lock()
	pid := p.slots[0].worker.(spy).cmd.Process.Pid
	p.mu.Unlock()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("highest resident size %d KiB", kib)
	if kib > 40<<10 {
		t.Errorf("grew to %d KiB", kib)
	}
}

func TestNotAWorker(t *testing.T) {
	o := Options{Exe: "/bin/echo", Args: []string{"PASS, and more than four bytes"}, Log: quiet()}.withDefaults()
	if _, err := startProcess(o); !errors.Is(err, errNotAWorker) {
		t.Errorf("got %v", err)
	}
	o.Exe = "/nonexistent"
	if _, err := startProcess(o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestWorkersStartNoWorkers(t *testing.T) {
	t.Setenv(WorkerEnv, "1")
	if _, err := New(Options{}); !errors.Is(err, errNested) {
		t.Errorf("got %v", err)
	}
}

// A worker whose standard input ends goes by itself, even if the parent lives.
func TestWorkerEndsWithItsInput(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{WorkerEnv + "=1"}
	cmd.Stdin = strings.NewReader("")
	out, err := cmd.Output()
	if err != nil || string(out) != string(frameOf(hello)) {
		t.Errorf("%q, %v", out, err)
	}
}

// runParent starts a pool, prints its worker's process id and waits to be
// killed. With parentEnv=hold another process keeps the worker's input open.
func runParent() error {
	p, err := New(Options{Workers: 1, Log: quiet()})
	if err != nil {
		return err
	}
	if _, err := p.Hash(context.Background(), Portal, secret.New("x")); err != nil {
		return err
	}
	p.mu.Lock()
	worker := p.slots[0].worker.(*process)
	p.mu.Unlock()
	if os.Getenv(parentEnv) == "hold" {
		holder := exec.Command("cat") // ends when the test closes our standard input
		holder.Stdin = os.Stdin
		holder.ExtraFiles = []*os.File{worker.to}
		if err := holder.Start(); err != nil {
			return err
		}
	}
	fmt.Println(worker.cmd.Process.Pid)
	select {}
}

func TestWorkersEndWithTheirParent(t *testing.T) {
	for _, mode := range []string{"plain", "hold"} {
		t.Run(mode, func(t *testing.T) {
			parent := exec.Command("/proc/self/exe")
			parent.Env = append(os.Environ(), parentEnv+"="+mode)
			in, err := parent.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if _, err := parent.Process.Wait(); err != nil { // Cmd.Wait would close in
				t.Fatal(err)
			}
			if !ended(t, fd, 10*time.Second) {
				t.Errorf("worker %d lives on", pid)
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		})
	}
}

// ended waits until the process of a pidfd has ended.
func ended(t *testing.T, fd int, limit time.Duration) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(limit.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}
