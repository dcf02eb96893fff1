// Package boltkv is the engine of one machine: a bbolt file.
//
// # What it adds to bbolt
//
// bbolt maps its file into memory and trusts it. A file that was truncated, or
// whose pages were damaged, makes it panic or raises SIGBUS, and the process is
// gone, with every login on it. Here each transaction runs with
// debug.SetPanicOnFault, and what bbolt panics with, faults too, becomes
// kv.ErrDamaged. Before bbolt sees a file, its size is compared with what its
// meta pages say. Opening does not scan the file.
//
// After a panic in the middle of a commit, or an error of fdatasync(2), what
// bbolt holds in memory about free pages is not to be trusted: every later Update
// is refused until the process starts anew. Reads go on.
//
// # Caveats
//
// The file is mapped with 64 GiB of address space (Options.MmapSize), because a
// growing file that must be mapped anew waits for all open Views, and all new
// ones wait for it: seen as logins that stop for as long as one slow reader
// reads. Address space costs no memory; a 32-bit platform needs a smaller one.
//
// A branch page damaged such that it leads back to itself makes bbolt recurse
// until the stack limit ends the process: Go cannot recover from that.
//
// Never replace or truncate the file under a running process. Copies are made
// with Snapshot.
package boltkv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Options are what Open may be told; the zero value is good for production.
type Options struct {
	// MmapSize is how much address space the file is mapped into from the start,
	// in bytes; 0 means DefaultMmapSize. The file may outgrow it, see Caveats.
	MmapSize int
	// PageSize is the page size of a new file in bytes; 0 means the system's.
	PageSize int
	// NoSync leaves out fdatasync: for benchmarks and tests of what does not
	// concern the disk. What is acknowledged is then not on disk.
	NoSync bool
}

// DefaultMmapSize is 64 GiB, or 1 GiB where addresses have 32 bits.
const DefaultMmapSize = 1 << (30 + 6*(^uint(0)>>63))

// bucketName is the one bucket; bbolt's root bucket holds nothing but buckets.
var bucketName = []byte("latchkey")

// Engine is a kv.Engine on one bbolt file.
type Engine struct {
	db       *bolt.DB
	file     *os.File // bbolt's; closing it releases the lock on it
	path     string
	metas    []byte // maps the two meta pages once more, for probe
	pageSize int64
	mapped   int64 // at least so many bytes are mapped

	writing chan struct{} // holds one token; who has it may Update

	mu         sync.Mutex // guards what follows
	current    *snapshot  // what new Views read
	lost       error      // why there is no current
	unwritable bool       // bbolt's free pages are not to be trusted
	open       int        // transactions that run
	closed     bool
	changed    sync.Cond // on mu: current, or closed and open, have changed
}

var (
	_ kv.Engine      = (*Engine)(nil)
	_ kv.Snapshotter = (*Engine)(nil)
)

// errDamaged is kv.ErrDamaged with the advice that goes into the log.
func errDamaged(path string, cause any) error {
	return fmt.Errorf("%w: %s: run latchkey check (%v)", kv.ErrDamaged, path, cause)
}

// Open opens the file at path, or makes it with mode 0600. It returns kv.ErrLocked
// at once if another process has it open, and kv.ErrDamaged if it is shorter
// than its meta pages say or no bbolt file at all.
func Open(path string, opts Options) (*Engine, error) {
	if opts.MmapSize == 0 {
		opts.MmapSize = DefaultMmapSize
	}
	file, fresh, err := openLocked(path)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(file, opts)
	if err != nil {
		file.Close() // twice is harmless
		return nil, err
	}
	if err := e.start(fresh); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func newEngine(file *os.File, opts Options) (*Engine, error) {
	db, err := openBolt(file, opts)
	if err != nil {
		return nil, err
	}
	e := &Engine{db: db, file: file, path: file.Name(), writing: make(chan struct{}, 1),
		pageSize: int64(db.Info().PageSize), mapped: mmapSize(int64(opts.MmapSize))}
	e.writing <- struct{}{}
	e.changed.L = &e.mu
	e.metas, err = unix.Mmap(int(file.Fd()), 0, int(2*e.pageSize), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("boltkv: mapping %s: %w", e.path, err), db.Close())
	}
	return e, nil
}

// start makes the bucket in a file that was never written to and shares the
// first snapshot. A file that was, and has no bucket, is damaged: taking it for
// a new one would turn every account into an unknown one.
func (e *Engine) start(fresh bool) error {
	if fresh {
		err := e.db.Update(func(t *bolt.Tx) error {
			_, err := t.CreateBucketIfNotExists(bucketName)
			return err
		})
		if err != nil {
			return fmt.Errorf("boltkv: making %s: %w", e.path, boltError(err))
		}
		if err := syncDir(filepath.Dir(e.path)); err != nil {
			return err
		}
	}
	return e.refresh()
}

// openBolt hands bbolt the file that is already open, locked and checked.
func openBolt(file *os.File, opts Options) (db *bolt.DB, err error) {
	path := file.Name()
	panicOnFault := debug.SetPanicOnFault(true)
	defer func() {
		if cause := recover(); cause != nil {
			db, err = nil, errDamaged(path, cause)
		}
		debug.SetPanicOnFault(panicOnFault)
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{
		OpenFile:        func(string, int, os.FileMode) (*os.File, error) { return file, nil },
		InitialMmapSize: opts.MmapSize,
		PageSize:        opts.PageSize,
		NoSync:          opts.NoSync,
		NoStatistics:    true,                 // they cost a mutex in each transaction
		FreelistType:    bolt.FreelistMapType, // stays quick in a large, fragmented file
	})
	if err != nil {
		return nil, fmt.Errorf("boltkv: opening %s: %w", path, boltError(err))
	}
	return db, nil
}

// Close waits for open transactions and closes the file. After a panic that may
// have left bbolt's locks held only the file is closed, which unlocks it; its
// mapping stays until the process ends.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.changed.Broadcast()
	for e.open > 0 {
		e.changed.Wait()
	}
	unwritable := e.unwritable
	e.mu.Unlock()

	if unwritable {
		return e.file.Close()
	}
	e.replace(nil, kv.ErrClosed)
	if err := errors.Join(unix.Munmap(e.metas), e.db.Close()); err != nil {
		return fmt.Errorf("boltkv: closing %s: %w", e.path, err)
	}
	return nil
}

// changedLocked wakes Close when the last transaction has ended.
func (e *Engine) changedLocked() {
	if e.closed && e.open == 0 {
		e.changed.Broadcast()
	}
}

// Snapshot writes a consistent copy of the file to w. w should be a local file,
// never a peer: as long as it takes, the file cannot reuse the pages that were
// in use when it began, and so grows with every change.
func (e *Engine) Snapshot(ctx context.Context, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := e.acquire()
	if err != nil {
		return err
	}
	defer e.release(s)
	_, err = s.bolt.WriteTo(contextWriter{ctx, w}) // reads the file, not the mapping
	if ctx.Err() != nil {
		return ctx.Err() // which bbolt would not wrap
	}
	if err != nil {
		return fmt.Errorf("boltkv: copying %s: %w", e.path, err)
	}
	return nil
}

// contextWriter ends a long copy when its context ends.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c contextWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
