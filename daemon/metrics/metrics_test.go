package metrics

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func text(t *testing.T, r *Registry) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteText(t *testing.T) {
	r := NewRegistry()
	if got := text(t, r); got != "" {
		t.Errorf("an empty registry writes %q", got)
	}
	sent := r.Counter("z_sent_total", "Messages\nthat \\ went \"out\".", "sender", "b", "a\"\\\n\xff")
	plain := r.Counter("m_plain_total", "No label.", "")
	r.GaugeFunc("a_info", "Build.", "version", func() map[string]float64 { return map[string]float64{"v1.2": 1} })
	r.GaugeFunc("b_level", "Levels.", "of", func() map[string]float64 {
		return map[string]float64{"a": math.Inf(1), "b": math.Inf(-1), "c": math.NaN(), "d": -0.25, "e": 1e15, "f": 123456789}
	})
	r.CounterFunc("c_lost_total", "Lost.", "outcome", func() map[string]float64 { return nil })
	sent.Add("b", 2000000)
	sent.Add("b", 1)
	sent.Add("nobody", 3)
	sent.Add("no account@example.org", 4)
	sent.Allow("later", "b")
	plain.Add("", 1)
	plain.Add("x", 1)
	want := `# HELP a_info Build.
# TYPE a_info gauge
a_info{version="v1.2"} 1
# HELP b_level Levels.
# TYPE b_level gauge
b_level{of="a"} +Inf
b_level{of="b"} -Inf
b_level{of="c"} NaN
b_level{of="d"} -0.25
b_level{of="e"} 1e+15
b_level{of="f"} 123456789
# HELP c_lost_total Lost.
# TYPE c_lost_total counter
# HELP m_plain_total No label.
# TYPE m_plain_total counter
m_plain_total 2
# HELP z_sent_total Messages\nthat \\ went "out".
# TYPE z_sent_total counter
z_sent_total{sender="a\"\\\n` + "\ufffd" + `"} 0
z_sent_total{sender="b"} 2000001
z_sent_total{sender="later"} 0
z_sent_total{sender="other"} 7
`
	if got := text(t, r); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestWriteTextPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	r := NewRegistry()
	r.Counter("a", "a", "")
	if err := r.WriteText(writerFunc(func([]byte) (int, error) { return 0, broken })); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestNameTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a name can be used twice")
		}
	}()
	r := NewRegistry()
	r.Counter("a_total", "a", "")
	r.GaugeFunc("a_total", "a", "", nil)
}

func TestAtTheSameTime(t *testing.T) {
	r := NewRegistry()
	c := r.Counter("a_total", "a", "by", "x")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 1000 {
				c.Add("x", 1)
				c.Add("unknown", 1)
			}
			c.Allow("y" + strconv.Itoa(i))
			r.Counter("b"+strconv.Itoa(i), "b", "")
			_ = text(t, r)
		})
	}
	all.Wait()
	if got := text(t, r); !strings.Contains(got, "a_total{by=\"x\"} 8000\n") || !strings.Contains(got, "a_total{by=\"other\"} 8000\n") {
		t.Errorf("got\n%s", got)
	}
}
