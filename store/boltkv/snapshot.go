package boltkv

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// snapshot is one read transaction of bbolt that any number of Views share.
//
// Beginning a read transaction costs bbolt two mutexes, a checksum and seven
// allocations, more than the Get for which a login needs it. Between two commits
// all Views see the same anyway, so they share one; each commit replaces it. Read
// transactions of bbolt change nothing in memory once begun (its counters are
// atomic), and etcd reads through a shared one in the same way
// (server/storage/backend/read_tx.go). It pins no page for longer than until the
// next commit, or the last View on it.
type snapshot struct {
	bolt   *bolt.Tx
	bucket *bolt.Bucket
	txs    sync.Pool // *tx, with a cursor on bucket each

	users int // guarded by Engine.mu; the Engine's own hold counts as one
}

// acquire returns the snapshot that a new View reads, and counts the View in. It
// waits only while the file is being mapped anew.
func (e *Engine) acquire() (*snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.current == nil && e.lost == nil && !e.closed {
		e.changed.Wait()
	}
	if e.closed {
		return nil, kv.ErrClosed
	}
	if e.current == nil {
		return nil, e.lost
	}
	e.open++
	e.current.users++
	return e.current, nil
}

// release counts a View out; the last user of a replaced snapshot ends it.
func (e *Engine) release(s *snapshot) {
	e.mu.Lock()
	e.open--
	e.changedLocked()
	s.users--
	last := s.users == 0
	e.mu.Unlock()
	if last {
		s.end()
	}
}

// replace makes s what new Views read. Without one, they fail with lost, or wait
// if that is nil too.
func (e *Engine) replace(s *snapshot, lost error) {
	e.mu.Lock()
	old, last := e.current, false
	e.current, e.lost = s, lost
	e.changed.Broadcast()
	if old != nil {
		old.users--
		last = old.users == 0
	}
	e.mu.Unlock()
	if last {
		old.end()
	}
}

// end lets bbolt reuse the snapshot's pages. It touches none and cannot fail.
func (s *snapshot) end() { _ = s.bolt.Rollback() }

// errNoBucket means that the file has no bucket, as a new one.
var errNoBucket = fmt.Errorf("%w: no bucket", kv.ErrDamaged)

// refresh begins a snapshot of what is committed now and shares it. If it cannot,
// reading ends: an old snapshot would be a wrong answer.
func (e *Engine) refresh() error {
	s, err := e.newSnapshot()
	e.replace(s, err)
	return err
}

func (e *Engine) newSnapshot() (s *snapshot, err error) {
	var t *bolt.Tx
	doing := inProbe
	panicOnFault := debug.SetPanicOnFault(true)
	defer func() {
		if cause := recover(); cause != nil {
			s, err = nil, errDamaged(e.path, cause)
			if doing == inBegin {
				e.refuseWrites() // bbolt's locks stay held
			}
		}
		debug.SetPanicOnFault(panicOnFault)
		if s == nil && t != nil {
			_ = t.Rollback()
		}
	}()
	if !e.probe() {
		return nil, errDamaged(e.path, "its meta pages are gone")
	}
	doing = inBegin
	if t, err = e.db.Begin(false); err != nil {
		return nil, fmt.Errorf("boltkv: %s: %w", e.path, boltError(err))
	}
	doing = inTree
	bucket := t.Bucket(bucketName)
	if bucket == nil {
		return nil, errNoBucket
	}
	s = &snapshot{bolt: t, bucket: bucket, users: 1}
	s.txs.New = func() any { return &tx{bucket: bucket, cursor: bucket.Cursor()} }
	return s, nil
}

// probe looks at the meta pages through a mapping of its own before bbolt does so
// with its locks held: if the file was truncated below them, the fault comes here.
func (e *Engine) probe() bool {
	first := binary.NativeEndian.Uint32(e.metas[pageHeaderLen:])
	second := binary.NativeEndian.Uint32(e.metas[len(e.metas)/2+pageHeaderLen:])
	return first == boltMagic || second == boltMagic
}

// View runs fn on a snapshot.
func (e *Engine) View(ctx context.Context, fn func(kv.Reader) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := e.acquire()
	if err != nil {
		return err
	}
	defer e.release(s)
	t := s.txs.Get().(*tx)
	t.ctx = ctx
	defer e.endView(s, t, debug.SetPanicOnFault(true), &err)
	return fn(t)
}

// endView gives t back and turns bbolt's panics and faults into kv.ErrDamaged. A
// tx that panicked is not used again.
func (e *Engine) endView(s *snapshot, t *tx, panicOnFault bool, err *error) {
	cause := recover()
	debug.SetPanicOnFault(panicOnFault)
	t.ctx = nil
	switch {
	case cause == nil:
		s.txs.Put(t)
	case t.doing == inCaller && !isFault(cause):
		panic(cause) // the caller's own; the frames it came from are still on the stack
	default:
		*err = errDamaged(e.path, cause)
	}
}
