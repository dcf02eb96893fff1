// Package kv is the contract between latchkey's typed store and the engines
// that keep its bytes. An engine knows nothing of records: it maps keys to
// values, in order, in transactions.
//
// # Transactions
//
// View runs its function on a consistent snapshot: what commits meanwhile is not
// seen. Any number of Views run at once, beside at most one Update. Update runs
// its function with sole right to write; when the function returns nil the
// changes are committed together, and when Update returns nil they are on disk,
// as far as the engine has one. When the function returns an error nothing is
// changed and Update returns that error. A function may be run again from the
// start after a conflict (engines of several machines), so it has no side
// effects but those on its Writer and on variables that it sets anew each time.
//
// Transactions do not nest: a function given to View or Update calls neither on
// the same engine. It does not wait for the network, a person or a slow hash
// either: an open View keeps old pages alive, an open Update keeps others
// waiting. Long lists are read in pages, each in a View of its own.
//
// # Keys and values
//
// A key has 1 to MaxKey bytes, a value 0 to MaxValue; beyond, ErrTooLarge (an
// empty key too). Keys are ordered bytewise. Slices that Get and Scan hand out
// live until the transaction's function returns and are never written to;
// slices given to Put may be reused by the caller when the function returns, not
// before.
//
// # Errors and cancellation
//
// Get of a key that does not exist is ErrNotFound. After Close, and during it,
// everything is ErrClosed; Close itself waits for open transactions and may be
// called again. Bytes that the engine can tell are not what it wrote are
// ErrDamaged, never a panic; other keys may still be readable. A context that
// ends before a transaction begins, or while it waits for its turn, ends it with
// the context's error; Scan looks at it now and then; a commit is not
// interrupted. An error of Update that is not the function's own means that the
// changes may or may not have been kept.
package kv

import (
	"context"
	"errors"
	"io"
)

// Limits that every engine keeps.
const (
	// MaxKey is the longest key in bytes.
	MaxKey = 1 << 10
	// MaxValue is the longest value in bytes.
	MaxValue = 1 << 20
)

// Errors of opening an engine.
var (
	// ErrLocked means that another process has the engine's file open.
	ErrLocked = errors.New("kv: in use by another process")
)

// Errors of transactions.
var (
	// ErrNotFound means that no value has the key.
	ErrNotFound = errors.New("kv: not found")
	// ErrClosed means that the engine is closed or closing.
	ErrClosed = errors.New("kv: closed")
	// ErrDamaged means that the stored bytes are not what the engine wrote.
	ErrDamaged = errors.New("kv: damaged")
	// ErrTooLarge means that a key or value is beyond MaxKey or MaxValue, or
	// that a key is empty.
	ErrTooLarge = errors.New("kv: key or value too large")
	// ErrStop, returned by the function of a Scan, ends the Scan without error.
	ErrStop = errors.New("kv: stop")
)

// Reader reads in a transaction.
type Reader interface {
	// Get returns the value of key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for each key that begins with prefix and is greater than
	// after (nil: from the first), in ascending order. An error of fn ends the
	// Scan and is returned, except ErrStop, which ends it without error. fn may
	// read, but changes nothing: it collects what is to be changed.
	Scan(prefix, after []byte, fn func(key, value []byte) error) error
}

// Writer reads and writes in a transaction; it sees its own changes.
type Writer interface {
	Reader
	// Put sets the value of key.
	Put(key, value []byte) error
	// Delete removes key; a key that does not exist is no error.
	Delete(key []byte) error
}

// Engine keeps keys and values. It is safe for concurrent use.
type Engine interface {
	// View runs fn on a snapshot.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn and commits what it wrote; nil means that it is on disk.
	Update(ctx context.Context, fn func(Writer) error) error
	// Close waits for open transactions and ends the engine.
	Close() error
}

// Snapshotter is an add-on of engines that can copy themselves while in use.
type Snapshotter interface {
	// Snapshot writes a consistent copy of the whole engine to w. w should be a
	// local file and never a peer that may stall: the copy holds a View open for
	// as long as it takes, and all that time the engine can reuse no page.
	Snapshot(ctx context.Context, w io.Writer) error
}

// Neighbourer is an add-on of Readers. A store that seals its values with their
// keys asks it for the neighbours of a key that was not found: if a key was
// damaged in place, it is now one of them, and its value does not fit it.
type Neighbourer interface {
	// Neighbours calls fn for the greatest key below key and for the least one
	// above, as far as there are any. If they are not below and above, or key
	// itself exists after all, the order is broken: ErrDamaged.
	Neighbours(key []byte, fn func(key, value []byte) error) error
}

// Check returns ErrTooLarge if key or a value of size bytes is beyond the limits.
func Check(key []byte, size int) error {
	if len(key) == 0 || len(key) > MaxKey || size > MaxValue {
		return ErrTooLarge
	}
	return nil
}
