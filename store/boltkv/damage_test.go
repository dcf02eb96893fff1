package boltkv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// filled returns an engine whose file has some hundred pages.
func filled(t *testing.T, opts Options) (*Engine, string) {
	t.Helper()
	e, path := open(t, opts)
	err := e.Update(context.Background(), func(w kv.Writer) error {
		for i := range 2000 {
			if err := w.Put(fmt.Appendf(nil, "key%05d", i), bytes.Repeat([]byte{byte(i)}, 300)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, path
}

// readAll reads every key once and returns how many came and how many were
// damaged; anything else fails the test.
func readAll(t *testing.T, e *Engine) (good, damaged int) {
	t.Helper()
	for i := range 2000 {
		err := e.View(context.Background(), func(r kv.Reader) error {
			value, err := r.Get(fmt.Appendf(nil, "key%05d", i))
			if err == nil && !bytes.Equal(value, bytes.Repeat([]byte{byte(i)}, 300)) {
				t.Errorf("key %d: a wrong value", i)
			}
			return err
		})
		switch {
		case err == nil:
			good++
		case errors.Is(err, kv.ErrDamaged):
			damaged++
		default:
			t.Errorf("key %d: %v", i, err)
		}
	}
	return good, damaged
}

func TestTruncatedUnderRunningEngine(t *testing.T) {
	for name, keep := range map[string]func(size int64) int64{
		"half":       func(size int64) int64 { return size / 2 },
		"two pages":  func(int64) int64 { return 8192 },
		"one page":   func(int64) int64 { return 4096 },
		"everything": func(int64) int64 { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			e, path := filled(t, Options{PageSize: 4096})
			used := newestSize(t, path)
			if err := os.Truncate(path, keep(used)); err != nil {
				t.Fatal(err)
			}
			good, damaged := readAll(t, e)
			if damaged == 0 {
				t.Errorf("%d keys read, %d damaged", good, damaged)
			}
			scan := e.View(context.Background(), func(r kv.Reader) error {
				return r.Scan(nil, nil, func(_, _ []byte) error { return nil })
			})
			if !errors.Is(scan, kv.ErrDamaged) || !strings.Contains(scan.Error(), "run latchkey check") {
				t.Errorf("Scan = %v; want ErrDamaged with advice", scan)
			}
			err := e.Update(context.Background(), func(w kv.Writer) error { return w.Put([]byte("key00000"), []byte("v")) })
			if keep(used) < 8192 && !errors.Is(err, kv.ErrDamaged) {
				t.Errorf("Update without meta pages = %v; want ErrDamaged", err)
			}
			within(t, "Close", func() {
				if err := e.Close(); err != nil {
					t.Logf("Close: %v", err)
				}
			})
			if again, err := Open(path, Options{}); keep(used) > 0 && err == nil {
				t.Error("a truncated file opens")
				again.Close()
			} else if keep(used) > 0 && !errors.Is(err, kv.ErrDamaged) {
				t.Errorf("Open = %v; want ErrDamaged", err)
			}
		})
	}
}

// TestDamagedPage overwrites one leaf page of a running engine's file: the keys
// on it are damaged, all others can be read and written.
func TestDamagedPage(t *testing.T) {
	e, path := filled(t, Options{PageSize: 4096})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("key01000\xe8")) &^ 4095
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 4096), int64(at)); err != nil {
		t.Fatal(err)
	}
	if good, damaged := readAll(t, e); damaged < 5 || damaged > 15 || good+damaged != 2000 {
		t.Errorf("%d keys read, %d damaged by one page", good, damaged)
	}
	err = e.Update(context.Background(), func(w kv.Writer) error {
		_, err := w.Get([]byte("key01000"))
		return err
	})
	if !errors.Is(err, kv.ErrDamaged) {
		t.Errorf("an Update that reads the page = %v", err)
	}
	put(t, e, "key00001", "new")
	if got := get(t, e, "key00001"); got != "new" {
		t.Errorf("a key of another page: %q", got)
	}
	if err := e.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// within fails the test if fn takes forever: here locks that a panic left held
// would show.
func within(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s hangs", what)
	}
}

func newestSize(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := newestMeta(f, fileSize(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return m.size()
}

// TestFaultInCaller reads a value that was handed out before the file shrank.
func TestFaultInCaller(t *testing.T) {
	e, path := open(t, Options{})
	put(t, e, "a", strings.Repeat("v", 500_000))
	err := e.View(context.Background(), func(r kv.Reader) error {
		value, err := r.Get([]byte("a"))
		if err != nil {
			return err
		}
		if err := os.Truncate(path, 8192); err != nil {
			t.Fatal(err)
		}
		t.Errorf("read %d bytes that are gone", bytes.Count(value, []byte("v")))
		return nil
	})
	if !errors.Is(err, kv.ErrDamaged) {
		t.Errorf("View = %v; want ErrDamaged", err)
	}
}

// TestTruncatedUnderLoad truncates the file to nothing while many read: nobody
// may hang, and the process lives.
func TestTruncatedUnderLoad(t *testing.T) {
	e, path := filled(t, Options{})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = e.View(context.Background(), func(r kv.Reader) error { _, err := r.Get([]byte("key01000")); return err })
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			_ = e.Update(context.Background(), func(w kv.Writer) error { return w.Put([]byte("k"), []byte("v")) })
		}
	})
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	readAll(t, e)
	close(stop)
	within(t, "a transaction", wg.Wait)
	within(t, "Close", func() { e.Close() })
}

func TestOpenRefusesShortFile(t *testing.T) {
	e, path := filled(t, Options{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := newestSize(t, path)
	for _, keep := range []int64{1, 15, 79, 80, 4095, 4096, 4097, 8192, used / 2, used - 1} {
		if err := os.WriteFile(path, whole[:keep], 0o600); err != nil {
			t.Fatal(err)
		}
		if e, err := Open(path, Options{}); !errors.Is(err, kv.ErrDamaged) {
			t.Errorf("%d of %d bytes: Open = %v, %v; want ErrDamaged", keep, used, e, err)
		}
		if fileSize(t, path) != keep {
			t.Errorf("Open changed a file of %d bytes", keep)
		}
	}
	if err := os.WriteFile(path, whole[:used], 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("the whole file: %v", err)
	}
	if good, damaged := readAll(t, again); good != 2000 || damaged != 0 {
		t.Errorf("%d good, %d damaged", good, damaged)
	}
	again.Close()
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	for name, content := range map[string][]byte{
		"text":  []byte(strings.Repeat("no database\n", 2000)),
		"zeros": make([]byte, 65536),
		"bytes": bytes.Repeat([]byte{0xff}, 65536),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if e, err := Open(path, Options{}); !errors.Is(err, kv.ErrDamaged) {
			t.Errorf("%s: Open = %v, %v; want ErrDamaged", name, e, err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
			t.Errorf("%s: Open changed the file", name)
		}
	}
}

// TestLostBucket damages the name of the bucket in a file that has data: it must
// not be taken for a new file.
func TestLostBucket(t *testing.T) {
	e, path := filled(t, Options{})
	e.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(whole, bucketName); n == 0 {
		t.Fatal("the bucket's name is not in the file")
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(whole, bucketName, []byte("Latchkey")), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := Open(path, Options{}); !errors.Is(err, kv.ErrDamaged) {
		t.Errorf("Open = %v, %v; want ErrDamaged", e, err)
	}
}

func TestLocked(t *testing.T) {
	e, path := open(t, Options{})
	begun := time.Now()
	if other, err := Open(path, Options{}); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("a second Open = %v, %v; want ErrLocked", other, err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("ErrLocked took %v", took)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

// TestCommitErrors lets the file be no longer than it is: a write that fails
// changes nothing, and the engine goes on when there is room again.
func TestCommitErrors(t *testing.T) {
	e, path := open(t, Options{})
	put(t, e, "a", "1")
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	exceeded := make(chan os.Signal, 1) // its default action ends the process
	signal.Notify(exceeded, syscall.SIGXFSZ)
	defer signal.Stop(exceeded)
	limit := old
	limit.Cur = uint64(fileSize(t, path))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skipf("setrlimit: %v", err)
	}
	err := e.Update(context.Background(), func(w kv.Writer) error {
		for i := range byte(32) {
			if err := w.Put([]byte{'b', i}, make([]byte, kv.MaxValue)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err == nil || errors.Is(err, kv.ErrDamaged) {
		t.Errorf("Update without room = %v", err)
	}
	if got := get(t, e, "a"); got != "1" {
		t.Errorf("after a failed commit: %q", got)
	}
	put(t, e, "a", "2")
	if got := get(t, e, "a"); got != "2" {
		t.Errorf("after the next commit: %q", got)
	}
}
