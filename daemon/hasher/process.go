package hasher

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
	"golang.org/x/sys/unix"
)

// A process is a worker in a process of its own.
type process struct {
	cmd  *exec.Cmd
	to   *os.File // its standard input
	from *os.File // its standard output
	done chan struct{}
	buf  []byte
	end  func() error
}

var _ Worker = (*process)(nil)

// helloLimit is how long a started process may take to say hello.
const helloLimit = 10 * time.Second

// startProcess starts a worker and waits until it says hello. It has to be
// called on the starter's thread.
func startProcess(o Options) (*process, error) {
	childIn, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("hasher: %w", err)
	}
	from, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hasher: %w", err), childIn.Close(), to.Close())
	}
	cmd := exec.Command(o.Exe, o.Args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = slices.Concat([]string{WorkerEnv + "=1", "GOMAXPROCS=1"}, o.Env)
	cmd.Stdin, cmd.Stdout = childIn, childOut
	// A process group of its own keeps the terminal's Ctrl-C away from it and
	// lets its priority be set for all of its threads at once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	err = cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hasher: starting a worker: %w", err), to.Close(), from.Close())
	}
	w := &process{cmd: cmd, to: to, from: from, done: make(chan struct{})}
	w.end = sync.OnceValue(w.kill)
	go func() {
		defer close(w.done)
		_ = cmd.Wait() // how it ended does not matter: it is of no use any more
	}()
	if err := w.greet(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	// On Linux a priority belongs to a thread, and PRIO_PROCESS would set the
	// first one's only; the threads made later inherit it (setpriority(2)).
	if err := unix.Setpriority(unix.PRIO_PGRP, cmd.Process.Pid, o.Nice); err != nil {
		o.Log.Warn("hash worker keeps its priority", "pid", cmd.Process.Pid, "error", err)
	}
	return w, nil
}

// greet waits for the hello that tells a worker from any other program.
func (w *process) greet() error {
	if err := w.from.SetReadDeadline(time.Now().Add(helloLimit)); err != nil {
		return fmt.Errorf("hasher: %w", err)
	}
	b, err := readFrame(w.from, nil)
	if err != nil || string(b) != hello {
		return errors.Join(errNotAWorker, err)
	}
	return w.from.SetReadDeadline(time.Time{})
}

// Match implements Worker.
func (w *process) Match(stored string, password secret.Secret) (bool, error) {
	r, err := w.ask(request{kind: kindMatch, stored: stored, password: password})
	return r.matches, err
}

// Hash implements Worker.
func (w *process) Hash(password secret.Secret, cost secret.Cost) (string, error) {
	r, err := w.ask(request{kind: kindHash, cost: cost, password: password})
	return r.hash, err
}

// Idle implements Worker.
func (w *process) Idle(d time.Duration) error {
	_, err := w.ask(request{kind: kindIdle, idle: d})
	return err
}

func (w *process) ask(r request) (reply, error) {
	frame := r.appendTo(newFrame(16 + len(r.stored) + len(r.password.Reveal())))
	if err := writeFrame(w.to, frame); err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrWorkerDied, err)
	}
	b, err := readFrame(w.from, w.buf)
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrWorkerDied, err)
	}
	w.buf = b[:0]
	answer, err := parseReply(b)
	if errors.Is(err, errFrameMalformed) {
		return reply{}, fmt.Errorf("%w: %w", ErrWorkerDied, err)
	}
	return answer, err
}

// Done implements Worker.
func (w *process) Done() <-chan struct{} { return w.done }

// Close implements Worker. A worker holds nothing that would be worth a farewell.
func (w *process) Close() error { return w.end() }

func (w *process) kill() error {
	err := w.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-w.done
	return errors.Join(err, w.to.Close(), w.from.Close())
}
