package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const exposition = `# HELP latchkey_sms_sent_total Messages that a sender took.
# TYPE latchkey_sms_sent_total counter
latchkey_sms_sent_total{sender="gate\"way\\",purpose="sign-in"} 17
latchkey_sms_seconds_bucket{le="+Inf"} 3 1700000000000
latchkey_up 1
latchkey_ratio NaN

`

const samples = `{"name":"latchkey_sms_sent_total","labels":{"purpose":"sign-in","sender":"gate\"way\\"},"value":17}
{"name":"latchkey_sms_seconds_bucket","labels":{"le":"+Inf"},"value":3}
{"name":"latchkey_up","value":1}
{"name":"latchkey_ratio","value":null}
`

func TestMetricsAsPrintedAndAsJSON(t *testing.T) {
	for _, tt := range []struct {
		json bool
		want string
	}{{false, exposition}, {true, samples}} {
		a, out, _ := testApp()
		a.json = tt.json
		if err := a.printMetrics(exposition); err != nil || out.String() != tt.want {
			t.Errorf("json %v: %v\n%s", tt.json, err, out)
		}
	}
}

// A form that this command does not know is not passed off as numbers.
func TestMetricsOfUnknownForm(t *testing.T) {
	for _, line := range []string{"x", "x y", "x{", `x{a="b} 1`, `x{a="b"`, `x{a="b"}`, `x{="b"} 1`, "x 1 2 3", " 1", `{a="b"} 1`} {
		a, out, _ := testApp()
		a.json = true
		if err := a.printMetrics(line + "\n"); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", line, err, out)
		}
	}
}

// What a terminal would obey is not printed.
func TestMetricsPrintable(t *testing.T) {
	a, out, _ := testApp()
	if err := a.printMetrics("latchkey_x{a=\"\x1b[2J\"} 1\n"); err != nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%v, %q", err, out)
	}
}

func FuzzSample(f *testing.F) {
	for line := range strings.Lines(exposition) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Add(`x{a="b\n",} 1e300`)
	f.Fuzz(func(t *testing.T, line string) {
		s, ok := parseSample(line)
		if !ok {
			return
		}
		if !strings.HasPrefix(line, s.Name) || s.Name == "" {
			t.Errorf("%q has the name %q", line, s.Name)
		}
		var text bytes.Buffer
		if err := json.NewEncoder(&text).Encode(s); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	})
}
