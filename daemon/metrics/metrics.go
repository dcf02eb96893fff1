// Package metrics counts what the daemon does, for whoever watches it, and prints
// it in the text exposition format of Prometheus, version 0.0.4. A metric has at
// most one label, and its values are a closed set, so that nothing from outside
// makes new series; no label is ever an account, an address or a number.
package metrics

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ContentType is the media type of what WriteText writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Other is the label value that a Counter gives to what is not of its set.
const Other = "other"

// Registry holds metrics. Its methods may be called at the same time.
type Registry struct {
	mu      sync.Mutex // guards metrics
	metrics map[string]metric
}

type metric struct {
	kind, help, label string
	read              func() map[string]float64
}

// NewRegistry returns an empty Registry.
func NewRegistry() *Registry { return &Registry{metrics: map[string]metric{}} }

// Counter adds a metric that only grows, with the values that its label may have.
// Without a label its one value is "".
func (r *Registry) Counter(name, help, label string, values ...string) *Counter {
	c := &Counter{other: Other, counts: map[string]uint64{}}
	if label == "" {
		c.other, values = "", []string{""}
	}
	c.Allow(values...)
	r.add(name, metric{"counter", help, label, c.read})
	return c
}

// CounterFunc adds a counter that is kept elsewhere: read gives label value ->
// count.
func (r *Registry) CounterFunc(name, help, label string, read func() map[string]float64) {
	r.add(name, metric{"counter", help, label, read})
}

// GaugeFunc adds a metric that goes up and down: read gives label value -> value.
func (r *Registry) GaugeFunc(name, help, label string, read func() map[string]float64) {
	r.add(name, metric{"gauge", help, label, read})
}

// add panics if there is such a metric: names are of the program, not of its input.
func (r *Registry) add(name string, m metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, exists := r.metrics[name]; exists {
		panic("metrics: " + name + " twice")
	}
	r.metrics[name] = m
}

// WriteText writes all metrics, sorted by name and by label value.
func (r *Registry) WriteText(w io.Writer) error {
	r.mu.Lock()
	all := maps.Clone(r.metrics)
	r.mu.Unlock()
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		all[name].write(&b, name)
	}
	_, err := w.Write(b.Bytes())
	return err
}

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (m metric) write(b *bytes.Buffer, name string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, escapeHelp.Replace(m.help), name, m.kind)
	values := m.read()
	for _, value := range slices.Sorted(maps.Keys(values)) {
		b.WriteString(name)
		if m.label != "" {
			fmt.Fprintf(b, `{%s="%s"}`, m.label, escapeLabel.Replace(strings.ToValidUTF8(value, "\ufffd")))
		}
		b.WriteString(" " + number(values[value]) + "\n")
	}
}

// number writes whole numbers without an exponent, for people.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Counter is a metric that only grows. Its methods may be called at the same time.
type Counter struct {
	other string

	mu     sync.Mutex // guards counts
	counts map[string]uint64
}

// Add adds n to the series of a label value. A value that is not of the set counts
// as [Other].
func (c *Counter) Add(value string, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.counts[value]; !known {
		value = c.other
	}
	c.counts[value] += n
}

// Allow adds values to the set: the configuration has named new ones. Each is
// shown from then on, at first as 0.
func (c *Counter) Allow(values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, value := range values {
		c.counts[value] += 0
	}
}

func (c *Counter) read() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	read := make(map[string]float64, len(c.counts))
	for value, n := range c.counts {
		read[value] = float64(n)
	}
	return read
}
