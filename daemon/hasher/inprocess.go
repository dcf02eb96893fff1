package hasher

import (
	"crypto/rand"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// InProcess makes a pool without worker processes, whose one worker hashes in
// this process: for commands that do one thing and end.
func InProcess(o Options) *Pool { return inProcess(o, local{}) }

func inProcess(o Options, w Worker) *Pool {
	o.Workers = 1
	o.Start = func() (Worker, error) { return w, nil }
	return newPool(o.withDefaults())
}

// Local is a worker in this process, for Options.Start: of a pool in tests.
func Local() Worker { return local{} }

// local is a worker in this process.
type local struct{}

func (local) Match(stored string, password secret.Secret) (bool, error) {
	return secret.Match(stored, password)
}

func (local) Hash(password secret.Secret, cost secret.Cost) (string, error) {
	return secret.Hash(rand.Reader, password, cost)
}

func (local) Idle(d time.Duration) error {
	time.Sleep(d)
	return nil
}

func (local) Done() <-chan struct{} { return nil }
func (local) Close() error          { return nil }
