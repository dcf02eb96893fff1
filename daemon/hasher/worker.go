package hasher

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
	"golang.org/x/sys/unix"
)

// Main is the whole life of a worker process: it takes jobs from r (standard
// input) and answers them on w (standard output) until r ends, which is when the
// daemon ends. It changes settings of its process and is for that only.
func Main(r io.Reader, w io.Writer) error {
	if err := confine(); err != nil {
		return err
	}
	return serve(r, w, rand.Reader)
}

// confine keeps passwords out of core dumps and other processes' reach, leaves
// it to the daemon to end the worker, and takes memory into our own hands.
func confine() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("hasher: no core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hasher: not dumpable: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("hasher: no new privileges: %w", err)
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// Each job needs one big block (19 MiB at the default cost) and nearly
	// nothing else. Collected by growth, two or three of them would lie around;
	// collected after each job, the next one reuses the same memory, and a
	// collection of a heap this small takes far less than a millisecond.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(128 << 20)
	return nil
}

// idleAfter is how long a worker without jobs keeps its memory.
const idleAfter = 2 * time.Second

// serve is the loop of a worker.
func serve(r io.Reader, w io.Writer, random io.Reader) error {
	if err := writeFrame(w, append(newFrame(len(hello)), hello...)); err != nil {
		return fmt.Errorf("hasher: %w", err)
	}
	idle := time.AfterFunc(idleAfter, debug.FreeOSMemory)
	defer idle.Stop()
	var buf []byte
	for {
		b, err := readFrame(r, buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("hasher: %w", err)
		}
		idle.Stop()
		job, err := parseRequest(b)
		clear(b)
		buf = b[:0]
		if err != nil {
			return err
		}
		answer, err := do(job, random)
		if err := writeFrame(w, appendReply(newFrame(256), job.kind, answer, err)); err != nil {
			return fmt.Errorf("hasher: %w", err)
		}
		runtime.GC()
		idle.Reset(idleAfter)
	}
}

// do does one job in this process.
func do(job request, random io.Reader) (reply, error) {
	switch job.kind {
	case kindHash:
		hash, err := secret.Hash(random, job.password, job.cost)
		return reply{hash: hash}, err
	case kindIdle:
		time.Sleep(job.idle)
		return reply{}, nil
	}
	ok, err := secret.Match(job.stored, job.password)
	return reply{matches: ok}, err
}
