// Package kvtest is the body of tests that every engine's own test runs: what
// package kv promises in prose, promised in code.
package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Run runs all conformance tests. open returns a new, empty engine each time and
// closes it when its test ends.
func Run(t *testing.T, open func(t *testing.T) kv.Engine) {
	tests := []struct {
		name string
		run  func(*testing.T, kv.Engine)
	}{
		{"GetPutDelete", getPutDelete},
		{"Bounds", bounds},
		{"ScanOrder", scanOrder},
		{"ScanAfter", scanAfter},
		{"ScanEnds", scanEnds},
		{"ScanNested", scanNested},
		{"Neighbours", neighbours},
		{"WriterSeesItsChanges", writerSees},
		{"FailedUpdateChangesNothing", failedUpdate},
		{"PanicChangesNothing", panicking},
		{"ViewIsASnapshot", viewIsSnapshot},
		{"SlicesMayBeReused", slicesReused},
		{"Contexts", contexts},
		{"CloseWaits", closeWaits},
		{"Closed", closed},
		{"ConcurrentCounters", concurrent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Put stores pairs of key and value in one Update.
func put(t *testing.T, e kv.Engine, pairs ...string) {
	t.Helper()
	err := e.Update(context.Background(), func(w kv.Writer) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := w.Put([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func view(t *testing.T, e kv.Engine, fn func(r kv.Reader)) {
	t.Helper()
	err := e.View(context.Background(), func(r kv.Reader) error { fn(r); return nil })
	if err != nil {
		t.Fatalf("View: %v", err)
	}
}

func wantGet(t *testing.T, r kv.Reader, key, want string) {
	t.Helper()
	if got, err := r.Get([]byte(key)); err != nil || string(got) != want {
		t.Errorf("Get(%q) = %q, %v; want %q", key, got, err, want)
	}
}

func wantNone(t *testing.T, r kv.Reader, key string) {
	t.Helper()
	if got, err := r.Get([]byte(key)); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("Get(%q) = %q, %v; want ErrNotFound", key, got, err)
	}
}

// Dump returns all that a Scan hands out, as "key=value key=value".
func dump(t *testing.T, r kv.Reader, prefix, after string) string {
	t.Helper()
	var out []string
	var from []byte
	if after != "" {
		from = []byte(after)
	}
	err := r.Scan([]byte(prefix), from, func(k, v []byte) error {
		out = append(out, fmt.Sprintf("%s=%s", k, v))
		return nil
	})
	if err != nil {
		t.Errorf("Scan(%q, %q): %v", prefix, after, err)
	}
	return strings.Join(out, " ")
}

func getPutDelete(t *testing.T, e kv.Engine) {
	view(t, e, func(r kv.Reader) {
		wantNone(t, r, "a")
		if got := dump(t, r, "", ""); got != "" {
			t.Errorf("a new engine holds %s", got)
		}
	})
	put(t, e, "a", "1", "b", "", "c", "3", "a", "one")
	view(t, e, func(r kv.Reader) {
		wantGet(t, r, "a", "one")
		wantGet(t, r, "b", "")
		wantNone(t, r, "aa")
		wantNone(t, r, "")
	})
	err := e.Update(context.Background(), func(w kv.Writer) error {
		return errors.Join(w.Delete([]byte("a")), w.Delete([]byte("never was")), w.Put([]byte("b"), nil))
	})
	if err != nil {
		t.Fatalf("Delete: %v", err)
	}
	view(t, e, func(r kv.Reader) {
		if got := dump(t, r, "", ""); got != "b= c=3" {
			t.Errorf("left after Delete: %s", got)
		}
		wantGet(t, r, "b", "")
	})
}

func bounds(t *testing.T, e kv.Engine) {
	longKey, longValue := bytes.Repeat([]byte("k"), kv.MaxKey), bytes.Repeat([]byte("v"), kv.MaxValue)
	err := e.Update(context.Background(), func(w kv.Writer) error { return w.Put(longKey, longValue) })
	if err != nil {
		t.Fatalf("Put at the limits: %v", err)
	}
	view(t, e, func(r kv.Reader) {
		if got, err := r.Get(longKey); err != nil || !bytes.Equal(got, longValue) {
			t.Errorf("Get at the limits: %d bytes, %v", len(got), err)
		}
		wantNone(t, r, string(longKey)+"k")
	})
	for _, pair := range [][2][]byte{{nil, []byte("v")}, {append(longKey, 'k'), nil}, {[]byte("k"), append(longValue, 'v')}} {
		err := e.Update(context.Background(), func(w kv.Writer) error { return w.Put(pair[0], pair[1]) })
		if !errors.Is(err, kv.ErrTooLarge) {
			t.Errorf("Put(%d bytes, %d bytes) = %v; want ErrTooLarge", len(pair[0]), len(pair[1]), err)
		}
	}
}

func scanOrder(t *testing.T, e kv.Engine) {
	put(t, e, "b", "1", "a", "2", "b\x00", "3", "b\xff", "4", "c", "5", "ba", "6", "\xff", "7", "\xff\xff", "8")
	view(t, e, func(r kv.Reader) {
		for prefix, want := range map[string]string{
			"":         "a=2 b=1 b\x00=3 ba=6 b\xff=4 c=5 \xff=7 \xff\xff=8",
			"b":        "b=1 b\x00=3 ba=6 b\xff=4",
			"b\xff":    "b\xff=4",
			"bb":       "",
			"\xff":     "\xff=7 \xff\xff=8",
			"\xff\xff": "\xff\xff=8",
			"d":        "",
		} {
			if got := dump(t, r, prefix, ""); got != want {
				t.Errorf("Scan(%q) = %q; want %q", prefix, got, want)
			}
		}
	})
}

func scanAfter(t *testing.T, e kv.Engine) {
	put(t, e, "a", "0", "b1", "1", "b2", "2", "b3", "3", "c", "4")
	view(t, e, func(r kv.Reader) {
		for _, test := range [][2]string{
			{"a", "b1=1 b2=2 b3=3"}, {"b", "b1=1 b2=2 b3=3"}, {"b1", "b2=2 b3=3"}, {"b11", "b2=2 b3=3"},
			{"b2", "b3=3"}, {"b3", ""}, {"b4", ""}, {"c", ""}, {"z", ""},
		} {
			if got := dump(t, r, "b", test[0]); got != test[1] {
				t.Errorf("Scan(b, after %s) = %q; want %q", test[0], got, test[1])
			}
		}
		if got := dump(t, r, "", "b3"); got != "c=4" {
			t.Errorf("Scan of all after b3 = %q", got)
		}
	})
}

func scanEnds(t *testing.T, e kv.Engine) {
	put(t, e, "a", "1", "b", "2", "c", "3")
	mine := errors.New("mine")
	view(t, e, func(r kv.Reader) {
		for _, end := range []error{kv.ErrStop, fmt.Errorf("wrapped: %w", kv.ErrStop), mine} {
			calls := 0
			err := r.Scan(nil, nil, func(_, _ []byte) error {
				if calls++; calls == 2 {
					return end
				}
				return nil
			})
			if calls != 2 {
				t.Errorf("%v: fn was called %d times, not 2", end, calls)
			}
			if want := end == mine; (err != nil) != want || want && !errors.Is(err, mine) {
				t.Errorf("fn returned %v, Scan %v", end, err)
			}
		}
	})
}

func scanNested(t *testing.T, e kv.Engine) {
	put(t, e, "a1", "1", "a2", "2", "b1", "3", "b2", "4")
	view(t, e, func(r kv.Reader) {
		var got []string
		_ = r.Scan([]byte("a"), nil, func(k, v []byte) error {
			wantGet(t, r, "b2", "4")
			got = append(got, string(k), dump(t, r, "b", ""), string(v))
			return nil
		})
		if want := "a1|b1=3 b2=4|1|a2|b1=3 b2=4|2"; strings.Join(got, "|") != want {
			t.Errorf("nested Scan = %s; want %s", strings.Join(got, "|"), want)
		}
	})
}

func neighbours(t *testing.T, e kv.Engine) {
	beside := func(r kv.Reader, key string) (string, error) {
		var out []string
		err := r.(kv.Neighbourer).Neighbours([]byte(key), func(k, v []byte) error {
			out = append(out, fmt.Sprintf("%s=%s", k, v))
			return nil
		})
		return strings.Join(out, " "), err
	}
	view(t, e, func(r kv.Reader) {
		if _, ok := r.(kv.Neighbourer); !ok {
			t.Skip("no Neighbourer")
		}
		if got, err := beside(r, "a"); got != "" || err != nil {
			t.Errorf("Neighbours in an empty engine: %q, %v", got, err)
		}
	})
	put(t, e, "b", "1", "d", "2", "f", "3")
	view(t, e, func(r kv.Reader) {
		for key, want := range map[string]string{"a": "b=1", "c": "b=1 d=2", "e": "d=2 f=3", "g": "f=3", "bb": "b=1 d=2"} {
			if got, err := beside(r, key); got != want || err != nil {
				t.Errorf("Neighbours(%s) = %q, %v; want %q", key, got, err, want)
			}
		}
		if got, err := beside(r, "d"); !errors.Is(err, kv.ErrDamaged) {
			t.Errorf("Neighbours of a key that exists = %q, %v; want ErrDamaged", got, err)
		}
	})
}

func writerSees(t *testing.T, e kv.Engine) {
	put(t, e, "a", "1", "b", "2", "c", "3")
	err := e.Update(context.Background(), func(w kv.Writer) error {
		err := errors.Join(w.Put([]byte("bb"), []byte("new")), w.Delete([]byte("a")), w.Put([]byte("c"), []byte("three")))
		wantNone(t, w, "a")
		wantGet(t, w, "bb", "new")
		if got := dump(t, w, "", ""); got != "b=2 bb=new c=three" {
			t.Errorf("in the Update: %s", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func failedUpdate(t *testing.T, e kv.Engine) {
	put(t, e, "a", "1")
	mine := errors.New("mine")
	err := e.Update(context.Background(), func(w kv.Writer) error {
		return errors.Join(w.Put([]byte("a"), []byte("2")), w.Put([]byte("b"), []byte("2")), mine)
	})
	if !errors.Is(err, mine) {
		t.Errorf("Update = %v; want the function's error", err)
	}
	view(t, e, func(r kv.Reader) {
		if got := dump(t, r, "", ""); got != "a=1" {
			t.Errorf("after a failed Update: %s", got)
		}
	})
	put(t, e, "b", "2")
}

func panicking(t *testing.T, e kv.Engine) {
	put(t, e, "a", "1")
	caught := func(run func()) (cause any) {
		defer func() { cause = recover() }()
		run()
		return nil
	}
	if cause := caught(func() {
		_ = e.Update(context.Background(), func(w kv.Writer) error {
			_ = w.Put([]byte("a"), []byte("2"))
			panic("mine")
		})
	}); cause != "mine" {
		t.Errorf("a panic in Update arrives as %v", cause)
	}
	if cause := caught(func() {
		_ = e.View(context.Background(), func(kv.Reader) error { var p *int; *p = 1; return nil })
	}); cause == nil {
		t.Error("a nil pointer in View was swallowed")
	}
	view(t, e, func(r kv.Reader) { wantGet(t, r, "a", "1") })
	put(t, e, "a", "3")
	view(t, e, func(r kv.Reader) { wantGet(t, r, "a", "3") })
}

func viewIsSnapshot(t *testing.T, e kv.Engine) {
	put(t, e, "a", "1")
	view(t, e, func(r kv.Reader) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			put(t, e, "a", "2", "b", "2")
			view(t, e, func(r kv.Reader) { wantGet(t, r, "a", "2") })
		}()
		<-done
		if got := dump(t, r, "", ""); got != "a=1" {
			t.Errorf("a View begun before a commit sees %s", got)
		}
	})
	view(t, e, func(r kv.Reader) { wantGet(t, r, "b", "2") })
}

func slicesReused(t *testing.T, e kv.Engine) {
	key, value := []byte("key1"), []byte("val1")
	err := e.Update(context.Background(), func(w kv.Writer) error { return w.Put(key, value) })
	if err != nil {
		t.Fatal(err)
	}
	copy(key, "XXXX")
	copy(value, "YYYY")
	view(t, e, func(r kv.Reader) {
		if got := dump(t, r, "", ""); got != "key1=val1" {
			t.Errorf("after the caller reused its slices: %s", got)
		}
	})
}

func contexts(t *testing.T, e kv.Engine) {
	var pairs []string
	for i := range 1000 {
		pairs = append(pairs, fmt.Sprintf("k%04d", i), "v")
	}
	put(t, e, pairs...)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.View(over, func(kv.Reader) error { t.Error("View ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v", err)
	}
	if err := e.Update(over, func(kv.Writer) error { t.Error("Update ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(_, _ []byte) error { cancel(); return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a Scan of 1,000 keys whose context ended = %v", err)
	}
	// An Update that waits for another ends with its context.
	waits, cancel := context.WithCancel(context.Background())
	err = e.Update(context.Background(), func(kv.Writer) error {
		result := make(chan error)
		go func() { result <- e.Update(waits, func(kv.Writer) error { return nil }) }()
		cancel()
		return <-result
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a waiting Update whose context ended = %v", err)
	}
}

func closeWaits(t *testing.T, e kv.Engine) {
	put(t, e, "a", "1")
	var wg sync.WaitGroup
	view(t, e, func(r kv.Reader) {
		wg.Go(func() {
			if err := e.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		// Closing begins at some time; until this View ends, it must not finish.
		for e.View(context.Background(), func(kv.Reader) error { return nil }) == nil {
		}
		wantGet(t, r, "a", "1")
	})
	wg.Wait()
}

func closed(t *testing.T, e kv.Engine) {
	for range 2 {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	ctx := context.Background()
	if err := e.View(ctx, func(kv.Reader) error { return nil }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("View after Close = %v", err)
	}
	if err := e.Update(ctx, func(kv.Writer) error { return nil }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Update after Close = %v", err)
	}
}

// concurrent moves units between two counters while others check their sum.
func concurrent(t *testing.T, e kv.Engine) {
	put(t, e, "a", string(make([]byte, 100)), "b", "")
	ctx := context.Background()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				err := e.Update(ctx, func(w kv.Writer) error {
					a, _ := w.Get([]byte("a"))
					b, _ := w.Get([]byte("b"))
					na, nb := bytes.Clone(a[1:]), append(bytes.Clone(b), 0)
					return errors.Join(w.Put([]byte("a"), na), w.Put([]byte("b"), nb))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				view(t, e, func(r kv.Reader) {
					a, _ := r.Get([]byte("a"))
					b, _ := r.Get([]byte("b"))
					if len(a)+len(b) != 100 {
						t.Errorf("a View saw half a change: %d + %d", len(a), len(b))
					}
				})
			}
		})
	}
	wg.Wait()
	view(t, e, func(r kv.Reader) { wantGet(t, r, "a", "") })
}
