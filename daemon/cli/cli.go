// Package cli is the command line, one file for each verb.
//
// A verb that works on accounts asks the running daemon over its admin socket.
// When no daemon runs it opens the data folder and runs the very same handler
// in this process (connect.go), so that both do the same and leave the same
// events. Nothing here changes a record by itself.
//
// What a verb prints for people may change; what it prints with --json, and its
// exit status, does not.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
)

// DefaultConfig is read unless --config or LATCHKEY_CONFIG name another file.
const DefaultConfig = "/etc/latchkey/latchkey.toml"

// Main runs one command and returns its exit status. args are without the
// program's name.
func Main(args []string) int {
	if len(args) == 1 && args[0] == hasher.Verb {
		return worker()
	}
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now, zone: time.Local}
	return a.run(args)
}

// worker is a process that the daemon starts to hash passwords in. It comes
// before everything else: it is started often and has to be up at once.
func worker() int {
	if err := hasher.Main(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "latchkey: error:", err)
		return exitFailed
	}
	return 0
}

// app is what all verbs share.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
	zone     *time.Location // times are shown in it

	configFile string // --config
	json       bool   // --json
}

func (a *app) run(args []string) int {
	out := &output{w: a.out}
	a.out = out
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		err = out.failure()
	}
	if err == nil {
		return 0
	}
	f := explain(err)
	fmt.Fprintln(a.err, "latchkey: error:", f.sentence)
	if f.hint != "" {
		fmt.Fprintln(a.err, "hint:", f.hint)
	}
	return f.status
}

// config loads the configuration file.
func (a *app) config() (*config.Config, error) {
	path := a.configPath()
	cfg, err := config.Load(path)
	var problems *config.Problems
	switch {
	case err == nil:
		return cfg, nil
	case errors.As(err, &problems):
		return nil, badConfig(problems)
	case errors.Is(err, os.ErrNotExist):
		return nil, &failure{status: exitConfig, sentence: "there is no configuration file " + path,
			hint: "name one with --config FILE or LATCHKEY_CONFIG; examples/latchkey.toml is an annotated sample", cause: err}
	default:
		return nil, &failure{status: exitConfig, sentence: err.Error(), cause: err}
	}
}

// serveConfig is config for what a daemon needs beyond what a command does.
func (a *app) serveConfig() (*config.Config, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	var problems *config.Problems
	if errors.As(daemon.CheckSenders(a.configPath(), cfg), &problems) {
		return nil, badConfig(problems)
	}
	return cfg, nil
}

func (a *app) configPath() string {
	if a.configFile != "" {
		return a.configFile
	}
	if path := a.getenv("LATCHKEY_CONFIG"); path != "" {
		return path
	}
	return DefaultConfig
}

// badConfig has each problem on a line of its own.
func badConfig(p *config.Problems) *failure {
	count := "1 problem"
	if n := len(p.List); n != 1 {
		count = fmt.Sprintf("%d problems", n)
	}
	return &failure{status: exitConfig, sentence: count + " in the configuration\n" + p.Error(), cause: p}
}
