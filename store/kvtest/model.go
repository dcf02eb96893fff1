package kvtest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Reopener is an engine under test that can be closed and opened again with what
// it keeps.
type Reopener struct {
	// Engine is the engine as it is now.
	Engine kv.Engine
	// Reopen closes Engine and returns it opened anew; nil if it keeps nothing.
	Reopen func() (kv.Engine, error)
	// Close ends the engine and removes what it left.
	Close func() error
}

// Model runs random transactions against an engine and a plain map and compares
// them after each.
func Model(t *testing.T, open func() (*Reopener, error)) {
	rapid.Check(t, func(t *rapid.T) {
		under, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := under.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		m := &model{under: under, want: map[string]string{}}
		t.Repeat(map[string]func(*rapid.T){
			"":       m.compare,
			"update": m.update,
			"scan":   m.scan,
			"get":    m.get,
			"reopen": m.reopen,
		})
	})
}

type model struct {
	under *Reopener
	want  map[string]string
}

// Keys are drawn from few letters, so that they collide and prefix each other;
// some are long enough that a page holds few of them.
var (
	keys = rapid.Custom(func(t *rapid.T) string {
		key := rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00")), 1, 4, -1).Draw(t, "key")
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			key += strings.Repeat("k", rapid.IntRange(1, kv.MaxKey-len(key)).Draw(t, "by"))
		}
		return key
	})
	values = rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "large") == 0 {
			return strings.Repeat("v", rapid.IntRange(0, 20_000).Draw(t, "size"))
		}
		return rapid.StringOfN(rapid.RuneFrom([]rune("xyz")), 0, 40, -1).Draw(t, "value")
	})
	errAbort = errors.New("abort")
)

func (m *model) update(t *rapid.T) {
	next := maps.Clone(m.want)
	abort := rapid.IntRange(0, 4).Draw(t, "abort") == 0
	err := m.under.Engine.Update(context.Background(), func(w kv.Writer) error {
		for range rapid.IntRange(0, 20).Draw(t, "operations") {
			key := keys.Draw(t, "key")
			if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
				delete(next, key)
				if err := w.Delete([]byte(key)); err != nil {
					return err
				}
				continue
			}
			value := values.Draw(t, "value")
			next[key] = value
			if err := w.Put([]byte(key), []byte(value)); err != nil {
				return err
			}
		}
		m.equal(t, w, next)
		if abort {
			return errAbort
		}
		return nil
	})
	if abort && errors.Is(err, errAbort) {
		return
	}
	if err != nil || abort {
		t.Fatalf("Update: %v", err)
	}
	m.want = next
}

func (m *model) get(t *rapid.T) {
	key := keys.Draw(t, "key")
	m.view(t, func(r kv.Reader) {
		got, err := r.Get([]byte(key))
		want, ok := m.want[key]
		if ok != (err == nil) || string(got) != want || (!ok && !errors.Is(err, kv.ErrNotFound)) {
			t.Fatalf("Get(%q) = %d bytes, %v; want %d bytes, %v", key, len(got), err, len(want), ok)
		}
	})
}

func (m *model) scan(t *rapid.T) {
	prefix := rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00")), 0, 3, -1).Draw(t, "prefix")
	after := rapid.OneOf(rapid.Just(""), keys).Draw(t, "after")
	limit := rapid.IntRange(1, 50).Draw(t, "limit")
	var want, got []string
	for _, key := range slices.Sorted(maps.Keys(m.want)) {
		if strings.HasPrefix(key, prefix) && key > after && len(want) < limit {
			want = append(want, key)
		}
	}
	m.view(t, func(r kv.Reader) {
		err := r.Scan([]byte(prefix), []byte(after), func(key, value []byte) error {
			if len(got) == limit {
				return kv.ErrStop
			}
			if string(value) != m.want[string(key)] {
				t.Fatalf("Scan hands out a wrong value for %q", key)
			}
			got = append(got, string(key))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("Scan(%q, %q) = %q, %v; want %q", prefix, after, got, err, want)
		}
	})
}

func (m *model) reopen(t *rapid.T) {
	if m.under.Reopen == nil {
		t.Skip("keeps nothing")
	}
	var err error
	if m.under.Engine, err = m.under.Reopen(); err != nil {
		t.Fatalf("opening again: %v", err)
	}
}

func (m *model) compare(t *rapid.T) {
	m.view(t, func(r kv.Reader) { m.equal(t, r, m.want) })
}

func (m *model) view(t *rapid.T, fn func(kv.Reader)) {
	err := m.under.Engine.View(context.Background(), func(r kv.Reader) error { fn(r); return nil })
	if err != nil {
		t.Fatalf("View: %v", err)
	}
}

func (m *model) equal(t *rapid.T, r kv.Reader, want map[string]string) {
	n := 0
	var last []byte
	err := r.Scan(nil, nil, func(key, value []byte) error {
		if n > 0 && bytes.Compare(last, key) >= 0 {
			t.Fatalf("Scan hands out %q after %q", key, last)
		}
		if v, ok := want[string(key)]; !ok || v != string(value) {
			t.Fatalf("engine holds %q, the model does not, or another value", key)
		}
		last = bytes.Clone(key)
		n++
		return nil
	})
	if err != nil || n != len(want) {
		t.Fatalf("engine holds %d keys, the model %d (%v)", n, len(want), err)
	}
}
