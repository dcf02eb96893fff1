package boltkv

import (
	"context"
	"fmt"
	"runtime/debug"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// step says what a transaction is doing, for the case that it panics there.
type step uint8

const (
	inCaller step = iota // the caller's function: a panic is its own, unless it is a fault
	inProbe              // looking at the meta pages: no lock of bbolt's is held
	inBegin              // some of bbolt's locks would stay held
	inTree               // reading pages, changing private copies: harmless
	inCommit             // the list of free pages may be half changed
)

// Update runs fn and commits what it wrote; nil means that fdatasync(2) returned.
func (e *Engine) Update(ctx context.Context, fn func(kv.Writer) error) error {
	select {
	case <-e.writing:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.writing <- struct{}{} }()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	remapped, err := e.write(ctx, fn)
	if err == nil || remapped {
		// If the change, which is on disk, cannot be read back, Views say so.
		_ = e.refresh()
	}
	return err
}

// enter counts an Update in, leave counts it out.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return kv.ErrClosed
	case e.unwritable:
		return errDamaged(e.path, "an earlier write failed; none will be made until a restart")
	}
	e.open++
	return nil
}

func (e *Engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
	e.changedLocked()
}

// refuseWrites ends writing until a restart.
func (e *Engine) refuseWrites() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unwritable = true
}

// write runs fn and commits. remapped means that no snapshot is shared any more.
func (e *Engine) write(ctx context.Context, fn func(kv.Writer) error) (remapped bool, err error) {
	t := &tx{ctx: ctx, page: e.pageSize}
	var btx *bolt.Tx
	panicOnFault := debug.SetPanicOnFault(true)
	defer func() {
		cause := recover()
		e.endUpdate(btx, t.doing, cause)
		debug.SetPanicOnFault(panicOnFault)
		if cause != nil && t.doing == inCaller && !isFault(cause) {
			panic(cause) // the caller's own; the frames it came from are still on the stack
		} else if cause != nil {
			err = errDamaged(e.path, cause)
		}
	}()
	t.doing = inProbe
	if !e.probe() {
		return false, errDamaged(e.path, "its meta pages are gone")
	}
	t.doing = inBegin
	if btx, err = e.db.Begin(true); err != nil {
		return false, fmt.Errorf("boltkv: %s: %w", e.path, boltError(err))
	}
	t.doing = inTree
	if t.bucket = btx.Bucket(bucketName); t.bucket == nil {
		return false, errNoBucket
	}
	t.cursor = t.bucket.Cursor()
	t.doing = inCaller
	if err := fn(t); err != nil {
		return false, err
	}
	t.doing = inCommit
	// Mapping the file anew waits for all read transactions, and the shared
	// snapshot would never end: let go of it first. New Views wait meanwhile.
	size := btx.Size()
	if remapped = size+size/256+t.growth+64*e.pageSize >= e.mapped; remapped {
		e.replace(nil, nil)
		defer func() { e.mapped = max(e.mapped, mmapSize(size)) }()
	}
	return remapped, e.commit(btx)
}

// mmapSize returns how much bbolt maps at least for a file of size bytes (DB.mmapSize
// in its db.go): doubling from 32 KiB to 1 GiB, then by whole GiB.
func mmapSize(size int64) int64 {
	for mapped := int64(1 << 15); mapped <= 1<<30; mapped *= 2 {
		if size <= mapped {
			return mapped
		}
	}
	return (size + 1<<30 - 1) >> 30 << 30
}

// endUpdate lets go of the transaction, however it ended. After a commit, bbolt
// says that it is closed already.
func (e *Engine) endUpdate(btx *bolt.Tx, doing step, cause any) {
	if cause != nil && (doing == inBegin || doing == inCommit) {
		e.refuseWrites()
	}
	if btx == nil {
		return
	}
	defer func() {
		if recover() != nil {
			e.refuseWrites()
		}
	}()
	_ = btx.Rollback()
}

// commit makes the change durable.
func (e *Engine) commit(btx *bolt.Tx) error {
	err := btx.Commit()
	if err == nil {
		return nil
	}
	// bbolt returns fdatasync's error bare and all others wrapped. The kernel has
	// then dropped the pages that it could not write and will say "fine" next
	// time, so nothing written after it can be trusted to be on disk. Other
	// errors, a full disk above all, leave the file as it was.
	if _, bare := err.(syscall.Errno); bare {
		e.refuseWrites()
	}
	return fmt.Errorf("boltkv: writing %s: %w", e.path, err)
}

// isFault reports whether a panic comes from memory that is mapped but not
// there: such runtime errors have the address, a nil pointer's does not.
func isFault(cause any) bool {
	_, ok := cause.(interface{ Addr() uintptr })
	return ok
}
