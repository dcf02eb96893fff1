package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startFor = 20 * time.Second // how long a server may take until its socket answers
	stopFor  = 5 * time.Second  // how long it may take to end
)

// process is a server in a process of its own. What it prints goes to a file.
type process struct {
	cmd    *exec.Cmd
	name   string
	output string // path
	socket string
	done   chan struct{}
}

// startProcess starts a server and waits until its socket takes connections.
func startProcess(ctx context.Context, dir, name, socket, exe string, args ...string) (*process, error) {
	p := &process{name: name, output: filepath.Join(dir, name+".out"), socket: socket, done: make(chan struct{})}
	out, err := os.Create(p.output)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	p.cmd = exec.Command(exe, args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that stop finds its children
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.cmd.Wait() // how it ended is in what it printed
		close(p.done)
	}()
	if err := p.waitFor(ctx, "unix", socket); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// waitFor waits until the process takes connections at an address.
func (p *process) waitFor(ctx context.Context, network, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	for {
		nc, err := net.Dial(network, address)
		if err == nil {
			return nc.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not open %s: %w\n%s", p.name, address, errors.Join(err, ctx.Err()), p.said())
		case <-p.done:
			return fmt.Errorf("%s ended at once\n%s", p.name, p.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// said is what the process has printed.
func (p *process) said() string {
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	const most = 4000
	return string(text[max(0, len(text)-most):])
}

// stop ends the process: asked first, then not. Children that it has left behind,
// such as an auth service with a flood still in its queue, go with it.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	select {
	case <-p.done:
	case <-time.After(stopFor):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // fails only if nothing is left
	<-p.done
}
