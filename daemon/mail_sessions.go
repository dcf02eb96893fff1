package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/metrics"
)

const (
	cutWaiting = 1024             // how many cuts may wait; more are dropped, counted and logged
	cutWithin  = 10 * time.Second // for one command
	cutAtStop  = 5 * time.Second  // for those that still wait at a stop
)

// nobodyThere is how doveadm ends when it found no session to end
// (DOVEADM_EX_NOTFOUND in Dovecot's src/doveadm/doveadm.h).
const nobodyThere = 68

// cut is one account whose mail sessions have to end.
type cut struct {
	address     string
	credentials []string // what they were opened with
}

// cutter ends mail sessions that are open already: it runs the configured
// command (doveadm kick), for a change that closes a door. It comes after the
// change, which does not wait for it and is not undone if it fails.
type cutter struct {
	command func() []string
	run     func(ctx context.Context, command []string) error
	log     *slog.Logger
	count   *metrics.Counter // by "ok", "failed", "dropped"

	done   chan struct{}
	giveUp context.CancelFunc

	mu      sync.Mutex // guards closed, and waiting against being closed
	closed  bool
	waiting chan cut
}

func newCutter(command func() []string, count *metrics.Counter, log *slog.Logger) *cutter {
	ctx, giveUp := context.WithCancel(context.Background())
	c := &cutter{command: command, run: runCommand, log: log, count: count,
		waiting: make(chan cut, cutWaiting), done: make(chan struct{}), giveUp: giveUp}
	go func() {
		defer close(c.done)
		for one := range c.waiting {
			c.end(ctx, one)
		}
	}()
	return c
}

// cut notes that an account's mail sessions have to end. It does not block.
func (c *cutter) cut(address string, credentials []string) {
	if len(c.command()) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		select {
		case c.waiting <- cut{address, slices.Clone(credentials)}:
			return
		default:
		}
	}
	c.count.Add("dropped", 1)
	c.log.Error("mail sessions not ended: too many wait, or the daemon stops", "account", address)
}

// crowded says whether so many cuts wait that what is in no hurry should.
func (c *cutter) crowded() bool { return len(c.waiting) >= cutWaiting/2 }

// end runs the command, once for each credential if it tells them apart.
func (c *cutter) end(ctx context.Context, one cut) {
	if strings.HasPrefix(one.address, "-") { // would be taken for an option
		c.count.Add("failed", 1)
		c.log.Error("mail sessions not ended: the address begins with a dash", "account", one.address)
		return
	}
	for _, command := range cutCommands(c.command(), one) {
		limited, cancel := context.WithTimeout(ctx, cutWithin)
		err := c.run(limited, command)
		cancel()
		if err != nil {
			c.count.Add("failed", 1)
			c.log.Error("mail sessions not ended", "account", one.address, "command", command[0], "error", err)
			continue
		}
		c.count.Add("ok", 1)
	}
}

// cutCommands fills the template in. A command that does not name credentials
// (Dovecot 2.3 cannot) ends all sessions of the account at once: programs whose
// credential is good come back by themselves.
func cutCommands(template []string, one cut) [][]string {
	if len(template) == 0 {
		return nil
	}
	credentials := one.credentials
	named := slices.ContainsFunc(template, func(s string) bool { return strings.Contains(s, "%c") })
	if !named {
		credentials = []string{""} // once
	}
	var commands [][]string
	for _, credential := range credentials {
		fill := strings.NewReplacer("%%", "%", "%u", one.address, "%c", credential)
		command := make([]string, len(template))
		for i, word := range template {
			command[i] = fill.Replace(word)
		}
		commands = append(commands, command)
	}
	return commands
}

// runCommand runs it without a shell. The first 500 bytes of what it printed are
// part of the error: they say why.
func runCommand(ctx context.Context, command []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == nobodyThere {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %q", err, bytes.TrimSpace(out[:min(len(out), 500)]))
	}
	return nil
}

// close lets what waits end, for a while.
func (c *cutter) close() {
	c.mu.Lock()
	c.closed = true
	close(c.waiting)
	c.mu.Unlock()
	late := time.AfterFunc(cutAtStop, c.giveUp)
	<-c.done
	late.Stop()
	c.giveUp()
}
