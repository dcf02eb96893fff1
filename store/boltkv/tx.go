package boltkv

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// tx is what a transaction's function reads and writes through.
type tx struct {
	ctx    context.Context
	bucket *bolt.Bucket
	cursor *bolt.Cursor // for Get; reused, it allocates nothing
	doing  step
	growth int64 // upper bound in bytes of what the commit may add to the file
	page   int64 // page size of the file
}

var (
	_ kv.Reader = (*tx)(nil)
	_ kv.Writer = (*tx)(nil)

	_ kv.Neighbourer = (*tx)(nil)
)

// Get returns the value of key, or kv.ErrNotFound.
func (t *tx) Get(key []byte) ([]byte, error) {
	t.doing = inTree
	found, value := t.cursor.Seek(key)
	t.doing = inCaller
	if !bytes.Equal(found, key) || len(key) == 0 {
		return nil, kv.ErrNotFound
	}
	if len(value) > kv.MaxValue {
		return nil, fmt.Errorf("%w: value of %d bytes", kv.ErrDamaged, len(value))
	}
	return value, nil
}

// Neighbours calls fn for the keys beside key. A key damaged in a branch page
// sends a search into the wrong leaf: then the neighbours are out of order.
func (t *tx) Neighbours(key []byte, fn func(key, value []byte) error) error {
	t.doing = inTree
	above, aboveValue := t.cursor.Seek(key)
	var below, belowValue []byte
	if above == nil {
		below, belowValue = t.cursor.Last()
	} else {
		below, belowValue = t.cursor.Prev()
	}
	t.doing = inCaller
	if above != nil && bytes.Compare(above, key) <= 0 || below != nil && bytes.Compare(below, key) >= 0 {
		return fmt.Errorf("%w: keys out of order", kv.ErrDamaged)
	}
	if below != nil {
		if err := fn(below, belowValue); err != nil {
			return err
		}
	}
	if above != nil {
		return fn(above, aboveValue)
	}
	return nil
}

// scanStride is how many keys a Scan hands out between looks at its context.
const scanStride = 64

// Scan walks the keys below prefix and beyond after.
func (t *tx) Scan(prefix, after []byte, fn func(key, value []byte) error) error {
	start := prefix
	if bytes.Compare(after, prefix) > 0 {
		start = after
	}
	t.doing = inTree
	cursor := t.bucket.Cursor()
	key, value := cursor.Seek(start)
	if after != nil && bytes.Equal(key, after) {
		key, value = cursor.Next()
	}
	t.doing = inCaller
	for n := 0; key != nil && bytes.HasPrefix(key, prefix); n++ {
		if n%scanStride == 0 && t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		if len(key) > kv.MaxKey || len(value) > kv.MaxValue {
			return fmt.Errorf("%w: key of %d and value of %d bytes", kv.ErrDamaged, len(key), len(value))
		}
		if err := fn(key, value); errors.Is(err, kv.ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
		t.doing = inTree
		key, value = cursor.Next()
		t.doing = inCaller
	}
	return nil
}

// Put sets the value of key.
func (t *tx) Put(key, value []byte) error {
	if err := kv.Check(key, len(value)); err != nil {
		return err
	}
	if value == nil {
		value = []byte{} // to bbolt, a nil value would be no value
	}
	t.grow(len(key) + len(value))
	t.doing = inTree
	err := t.bucket.Put(key, value)
	t.doing = inCaller
	return boltError(err)
}

// Delete removes key, if it is there.
func (t *tx) Delete(key []byte) error {
	t.grow(0)
	t.doing = inTree
	err := t.bucket.Delete(key)
	t.doing = inCaller
	return boltError(err)
}

// grow counts what one change may add to the file: its bytes, twice for a split,
// and on each level of a tree of at most eight the page and two neighbours.
func (t *tx) grow(size int) { t.growth += 2*int64(size) + 24*t.page }

// boltError gives bbolt's errors the contract's names.
func boltError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return kv.ErrClosed
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %w", kv.ErrDamaged, err)
	}
	return err
}
