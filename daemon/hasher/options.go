package hasher

import (
	"log/slog"
	"runtime"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Verb is the hidden command line verb under which the daemon's binary runs
// [Main]. A pool starts its own binary with it unless Options says otherwise.
const Verb = "hash-worker"

// WorkerEnv is set to "1" in the environment of every worker process, and is
// the only variable there besides GOMAXPROCS and those of Options.Env. A test
// binary whose TestMain sees it calls [Main] and exits, which lets tests run
// real workers. A process that has it set starts no workers of its own.
const WorkerEnv = "LATCHKEY_HASH_WORKER"

// Options says how a pool runs. The zero value is the daemon's default.
type Options struct {
	Workers    int              // worker processes; 0: one for each processor
	Exe        string           // program to start; "": this very binary, even if its file was replaced since
	Args       []string         // its arguments; nil: [Verb]
	Env        []string         // further "NAME=value" pairs for it; nothing is inherited
	Nice       int              // its priority; 0: 19
	Budget     time.Duration    // how long a job may take from Reserve to answer; 0: 2 s
	MaxTickets int              // reserved and waiting jobs in each queue; 0: 4096
	Cost       secret.Cost      // cost of new hashes; zero: secret.DefaultCost
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: slog.Default

	// Start replaces worker processes by something else. nil: processes.
	Start func() (Worker, error)
}

// A Worker does one job at a time for the pool. An error that wraps
// [ErrWorkerDied] says that it is of no use any more; every other error is the
// job's answer (see store/secret).
type Worker interface {
	Match(stored string, password secret.Secret) (bool, error)
	Hash(password secret.Secret, cost secret.Cost) (string, error)
	// Idle is a job that takes so long and does nothing: see [Ticket.Pretend].
	Idle(d time.Duration) error
	// Done is closed when the worker has ended; nil if it never does by itself.
	Done() <-chan struct{}
	// Close ends the worker, and with it a job that is being done. It may be
	// called while another goroutine is in a job, and more than once.
	Close() error
}

const (
	defaultBudget     = 2 * time.Second
	defaultNice       = 19 // at 10 a flood of guesses takes a fifth of the logins with app passwords, at 19 a tenth
	defaultMaxTickets = 4096
	usualCost         = 50 * time.Millisecond // of a hash at secret.DefaultCost
)

// firstCost is what a job is assumed to take until one was measured: as much
// more or less than usual as a hash at the pool's cost is dearer or cheaper.
func (o Options) firstCost() time.Duration {
	work := func(c secret.Cost) float64 { return float64(c.MemoryKiB) * float64(c.Time) }
	return time.Duration(float64(usualCost) * work(o.Cost) / work(secret.DefaultCost()))
}

// withDefaults fills in what is not set, except for Start.
func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.NumCPU()
	}
	if o.Args == nil {
		o.Args = []string{Verb}
	}
	if o.Nice == 0 {
		o.Nice = defaultNice
	}
	if o.Budget == 0 {
		o.Budget = defaultBudget
	}
	if o.MaxTickets == 0 {
		o.MaxTickets = defaultMaxTickets
	}
	if o.Cost == (secret.Cost{}) {
		o.Cost = secret.DefaultCost()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}
