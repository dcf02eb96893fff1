package boltkv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/kvtest"
)

func open(t testing.TB, opts Options) (*Engine, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	e, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, path
}

func TestEngine(t *testing.T) {
	for name, opts := range map[string]Options{
		"default": {NoSync: true},
		"remaps":  {NoSync: true, MmapSize: 1, PageSize: 1024}, // every growth maps the file anew
	} {
		t.Run(name, func(t *testing.T) {
			kvtest.Run(t, func(t *testing.T) kv.Engine {
				e, _ := open(t, opts)
				return e
			})
		})
	}
}

func TestModel(t *testing.T) {
	dir := t.TempDir()
	kvtest.Model(t, func() (*kvtest.Reopener, error) {
		path := filepath.Join(dir, "model.db")
		opts := Options{NoSync: true, MmapSize: 1 << 16, PageSize: 1024}
		e, err := Open(path, opts)
		if err != nil {
			return nil, err
		}
		r := &kvtest.Reopener{Engine: e}
		r.Reopen = func() (kv.Engine, error) {
			if err := r.Engine.Close(); err != nil {
				return nil, err
			}
			return Open(path, opts)
		}
		r.Close = func() error { return errors.Join(r.Engine.Close(), os.Remove(path)) }
		return r, nil
	})
}

func TestReopen(t *testing.T) {
	e, path := open(t, Options{})
	put(t, e, "a", "1")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := get(t, again, "a"); got != "1" {
		t.Errorf("after opening again: %q", got)
	}
}

func TestSnapshotOpens(t *testing.T) {
	e, path := open(t, Options{})
	put(t, e, "a", "1")
	var copied bytes.Buffer
	if err := e.Snapshot(context.Background(), &copied); err != nil {
		t.Fatal(err)
	}
	put(t, e, "a", "2")
	if err := os.WriteFile(path+".copy", copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path+".copy", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := get(t, c, "a"); got != "1" {
		t.Errorf("the copy holds %q, not the value at its time", got)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Snapshot(over, &copied); !errors.Is(err, context.Canceled) {
		t.Errorf("Snapshot with a context that has ended = %v", err)
	}
}

// TestOldPagesAreReused makes sure that the shared snapshot pins nothing: under
// steady rewriting the file stops growing.
func TestOldPagesAreReused(t *testing.T) {
	e, path := open(t, Options{NoSync: true})
	var size int64
	for i := range 400 {
		put(t, e, "a", string(bytes.Repeat([]byte{byte(i)}, 50_000)))
		if i == 20 {
			size = fileSize(t, path)
		}
	}
	if now := fileSize(t, path); now != size {
		t.Errorf("after 400 rewrites of one value the file grew from %d to %d bytes", size, now)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func put(t testing.TB, e *Engine, key, value string) {
	t.Helper()
	err := e.Update(context.Background(), func(w kv.Writer) error { return w.Put([]byte(key), []byte(value)) })
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func get(t testing.TB, e *Engine, key string) string {
	t.Helper()
	var value string
	err := e.View(context.Background(), func(r kv.Reader) error {
		v, err := r.Get([]byte(key))
		value = string(v)
		return err
	})
	if err != nil {
		t.Errorf("Get(%s): %v", key, err)
	}
	return value
}

func BenchmarkView(b *testing.B) {
	e, _ := open(b, Options{NoSync: true})
	for i := range 1000 {
		put(b, e, fmt.Sprintf("key%04d", i), "value")
	}
	ctx, key := context.Background(), []byte("key0500")
	read := func(r kv.Reader) error { _, err := r.Get(key); return err }
	b.ReportAllocs()
	for b.Loop() {
		if err := e.View(ctx, read); err != nil {
			b.Fatal(err)
		}
	}
}
