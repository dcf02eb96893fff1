package hasher

import (
	"os"
	"runtime"
)

// A starter starts the worker processes of one pool, all from one thread: the
// kernel sends a child its parent-death signal when the thread that made it
// ends, not the process (prctl(2), PR_SET_PDEATHSIG), and Go ends threads as it
// likes unless a goroutine is locked to them.
type starter struct {
	opts    Options
	orders  chan chan<- started
	stopped chan struct{}
}

type started struct {
	worker Worker
	err    error
}

func newStarter(o Options) (*starter, error) {
	if os.Getenv(WorkerEnv) != "" {
		return nil, errNested
	}
	if o.Exe == "" {
		// Read by the child just before it becomes the worker: the same binary,
		// even when a new version has taken its place on the disk.
		o.Exe = "/proc/self/exe"
	}
	return &starter{opts: o, orders: make(chan chan<- started), stopped: make(chan struct{})}, nil
}

// run does the starting until stop is closed. Workers that still live then are
// not harmed: the thread goes on.
func (s *starter) run(stop <-chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.stopped)
	for {
		select {
		case order := <-s.orders:
			w, err := startProcess(s.opts)
			if err != nil {
				order <- started{err: err}
				continue
			}
			order <- started{worker: w}
		case <-stop:
			return
		}
	}
}

func (s *starter) start() (Worker, error) {
	answer := make(chan started, 1)
	select {
	case s.orders <- answer:
		a := <-answer
		return a.worker, a.err
	case <-s.stopped:
		return nil, ErrClosed
	}
}
