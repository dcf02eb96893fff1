package examples

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a server. It is generous because a test that
// runs out of it fails: nothing is right or wrong by being fast.
const patience = 60 * time.Second

// process is a server in the foreground: our own child, stopped by its own pid.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *logBook
	done chan struct{} // closed when it has ended and its output is read
}

// start runs cmd, keeps what it prints, and waits for a line containing ready
// ("" waits for nothing).
func start(t *testing.T, name string, cmd *exec.Cmd, ready string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if cmd.SysProcAttr.Pdeathsig == 0 {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM // a test that dies leaves no server behind
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	w.Close()
	p := &process{name: name, cmd: cmd, log: newLogBook(), done: make(chan struct{})}
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.log.tail(60))
		}
	})
	go p.log.read(r)
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	if ready != "" && !p.log.await(ready, patience) {
		t.Fatalf("%s is not ready: no line with %q", name, ready)
	}
	return p
}

// stop asks the process to end and waits for it; it may be called twice.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Errorf("%s does not end on SIGTERM", p.name)
		p.kill()
	}
}

// kill ends the process at once, as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// logBook keeps the lines that a server printed, for waiting and for showing.
type logBook struct {
	mu    sync.Mutex // guards lines and grown
	lines []string
	grown chan struct{} // closed and replaced at each new line
	ended chan struct{} // closed when nothing more will come
}

func newLogBook() *logBook {
	return &logBook{grown: make(chan struct{}), ended: make(chan struct{})}
}

func (b *logBook) read(r *os.File) {
	defer r.Close()
	defer close(b.ended)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			b.mu.Lock()
			b.lines = append(b.lines, strings.TrimRight(line, "\n"))
			close(b.grown)
			b.grown = make(chan struct{})
			b.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// await waits until some line contains text and reports whether one did.
func (b *logBook) await(text string, limit time.Duration) bool {
	_, _, found := b.awaitAfter(0, text, limit)
	return found
}

// awaitAfter is await for the lines after the first few. It gives the line, and
// how many lines there are up to it.
func (b *logBook) awaitAfter(first int, text string, limit time.Duration) (line string, upTo int, found bool) {
	deadline := time.After(limit)
	for seen, last := first, false; ; {
		b.mu.Lock()
		lines, grown := b.lines[seen:], b.grown
		b.mu.Unlock()
		for _, line := range lines {
			seen++
			if strings.Contains(line, text) {
				return line, seen, true
			}
		}
		if last {
			return "", seen, false
		}
		select {
		case <-grown:
		case <-b.ended:
			last = true // look once more
		case <-deadline:
			last = true
		}
	}
}

func (b *logBook) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines[max(0, len(b.lines)-n):], "\n")
}

// run runs a command to its end and gives its output, both streams in one. The
// error, if any, holds the output too.
func run(stdin, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// mustRun is run for a command that must succeed.
func mustRun(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	out, err := run(stdin, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
