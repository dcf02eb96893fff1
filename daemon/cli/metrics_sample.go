package cli

import (
	"math"
	"strconv"
	"strings"
)

// sample is the record of metrics: one line of Prometheus's text form.
type sample struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  *float64          `json:"value"` // null: not a number, or infinite
}

// parseSample reads "name value" or "name{label="text",…} value". A time behind
// the value, which the form allows, is left out.
func parseSample(line string) (sample, bool) {
	end := strings.IndexAny(line, "{ ")
	if end <= 0 {
		return sample{}, false
	}
	s, rest := sample{Name: line[:end]}, line[end:]
	if rest[0] == '{' {
		var ok bool
		if s.Labels, rest, ok = parseLabels(rest[1:]); !ok {
			return sample{}, false
		}
	}
	fields := strings.Fields(rest)
	if len(fields) < 1 || len(fields) > 2 {
		return sample{}, false
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return sample{}, false
	}
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		s.Value = &value
	}
	return s, true
}

// parseLabels reads up to the closing brace and returns what stands behind it.
func parseLabels(text string) (map[string]string, string, bool) {
	labels := map[string]string{}
	for {
		text = strings.TrimLeft(text, ", ")
		if rest, closed := strings.CutPrefix(text, "}"); closed {
			return labels, rest, true
		}
		name, rest, ok := strings.Cut(text, `="`)
		if !ok || name == "" || strings.ContainsAny(name, `{}", `) {
			return nil, "", false
		}
		end := closingQuote(rest)
		if end < 0 {
			return nil, "", false
		}
		labels[name], text = unescapeLabel.Replace(rest[:end]), rest[end+1:]
	}
}

// unescapeLabel undoes the three escapes of the form.
var unescapeLabel = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

// closingQuote is where the text before it ends, -1 if it does not.
func closingQuote(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
