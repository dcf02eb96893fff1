// Package memkv is the engine that forgets: ordered keys in memory, for tests
// and for trying things out. It keeps the contract of package kv to the letter,
// so that what passes on it passes on a disk.
package memkv

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sort"
	"sync"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Engine is an in-memory kv.Engine.
type Engine struct {
	writing chan struct{} // holds one token; who has it may Update

	mu     sync.RWMutex // guards what follows
	closed bool
	items  []item // ascending by key; never changed in place, so a View needs no copy

	open sync.WaitGroup // transactions that run; added to under mu, with closed false
}

type item struct{ key, value []byte }

var (
	_ kv.Engine = (*Engine)(nil)
	_ kv.Reader = (*tx)(nil)
	_ kv.Writer = (*tx)(nil)

	_ kv.Neighbourer = (*tx)(nil)
)

// New returns an empty engine.
func New() *Engine {
	e := &Engine{writing: make(chan struct{}, 1)}
	e.writing <- struct{}{}
	return e
}

// View runs fn on the items as they are now.
func (e *Engine) View(ctx context.Context, fn func(kv.Reader) error) error {
	items, err := e.begin(ctx)
	if err != nil {
		return err
	}
	defer e.open.Done()
	return fn(&tx{ctx: ctx, items: items})
}

// Update runs fn on a copy and puts it in place if fn returns nil.
func (e *Engine) Update(ctx context.Context, fn func(kv.Writer) error) error {
	select {
	case <-e.writing:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.writing <- struct{}{} }()
	items, err := e.begin(ctx)
	if err != nil {
		return err
	}
	defer e.open.Done()
	t := &tx{ctx: ctx, items: slices.Clone(items)}
	if err := fn(t); err != nil {
		return err
	}
	e.mu.Lock()
	e.items = t.items
	e.mu.Unlock()
	return nil
}

// begin counts a transaction in and returns the items it starts from.
func (e *Engine) begin(ctx context.Context) ([]item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, kv.ErrClosed
	}
	e.open.Add(1)
	return e.items, nil
}

// Close waits for open transactions; later ones are refused.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.open.Wait()
	return nil
}

// tx is a transaction: a snapshot for a View, a private copy for an Update.
type tx struct {
	ctx   context.Context
	items []item
}

// find returns where key is, or where it would be.
func (t *tx) find(key []byte) (int, bool) {
	return sort.Find(len(t.items), func(i int) int { return bytes.Compare(key, t.items[i].key) })
}

// Get returns the value of key, or kv.ErrNotFound.
func (t *tx) Get(key []byte) ([]byte, error) {
	i, ok := t.find(key)
	if !ok {
		return nil, kv.ErrNotFound
	}
	return t.items[i].value, nil
}

// Scan walks the keys below prefix and beyond after.
func (t *tx) Scan(prefix, after []byte, fn func(key, value []byte) error) error {
	i, _ := t.find(prefix)
	if bytes.Compare(after, prefix) >= 0 {
		at, found := t.find(after)
		if i = at; found {
			i++
		}
	}
	for ; i < len(t.items) && bytes.HasPrefix(t.items[i].key, prefix); i++ {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if err := fn(t.items[i].key, t.items[i].value); errors.Is(err, kv.ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Neighbours calls fn for the keys beside key.
func (t *tx) Neighbours(key []byte, fn func(key, value []byte) error) error {
	i, found := t.find(key)
	if found {
		return kv.ErrDamaged
	}
	for _, it := range t.items[max(i-1, 0):min(i+1, len(t.items))] {
		if err := fn(it.key, it.value); err != nil {
			return err
		}
	}
	return nil
}

// Put sets the value of key.
func (t *tx) Put(key, value []byte) error {
	if err := kv.Check(key, len(value)); err != nil {
		return err
	}
	it := item{bytes.Clone(key), append([]byte{}, value...)}
	i, found := t.find(key)
	if found {
		t.items[i] = it
	} else {
		t.items = slices.Insert(t.items, i, it)
	}
	return nil
}

// Delete removes key, if it is there.
func (t *tx) Delete(key []byte) error {
	if i, found := t.find(key); found {
		t.items = slices.Delete(t.items, i, i+1)
	}
	return nil
}
