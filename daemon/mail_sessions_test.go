package daemon

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/metrics"
)

func TestCutCommands(t *testing.T) {
	for name, tt := range map[string]struct {
		template    []string
		credentials []string
		want        [][]string
	}{
		"off":                   {nil, []string{"x"}, nil},
		"all at once":           {[]string{"doveadm", "kick", "%u"}, []string{"x", "y"}, [][]string{{"doveadm", "kick", "u@example.org"}}},
		"each credential":       {[]string{"doveadm", "kick", "-f", "user_apw", "%c"}, []string{"x", "y"}, [][]string{{"doveadm", "kick", "-f", "user_apw", "x"}, {"doveadm", "kick", "-f", "user_apw", "y"}}},
		"both":                  {[]string{"cut", "%u:%c"}, []string{"x"}, [][]string{{"cut", "u@example.org:x"}}},
		"a percent sign":        {[]string{"cut", "100%%u", "%u"}, nil, [][]string{{"cut", "100%u", "u@example.org"}}},
		"nothing is split":      {[]string{"cut", "a b"}, nil, [][]string{{"cut", "a b"}}},
		"none of several named": {[]string{"cut", "%c"}, []string{}, nil},
	} {
		if got := cutCommands(tt.template, cut{"u@example.org", tt.credentials}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// cutting is a cutter whose commands are noted, and fail if they contain "fail".
func cutting(template ...string) (c *cutter, ran *[]string, log *strings.Builder) {
	var mu sync.Mutex
	ran, log = new([]string), new(strings.Builder)
	count := metrics.NewRegistry().Counter("cut", "cut", "result", "ok", "failed", "dropped")
	c = newCutter(func() []string { return template }, count, slog.New(slog.NewTextHandler(log, nil)))
	c.run = func(_ context.Context, command []string) error {
		mu.Lock()
		defer mu.Unlock()
		*ran = append(*ran, strings.Join(command, " "))
		if strings.Contains(strings.Join(command, " "), "fail") {
			return errors.New("no such socket")
		}
		return nil
	}
	return c, ran, log
}

func TestCutterRunsAndWaitsAtTheEnd(t *testing.T) {
	c, ran, log := cutting("kick", "%u", "%c")
	c.cut("a@example.org", []string{"1", "fail"})
	c.cut("-f@example.org", nil) // would be an option of the command
	c.cut("b@example.org", []string{"2"})
	c.close()
	c.cut("late@example.org", nil) // by a change that ended after the stop began
	if got := strings.Join(*ran, ", "); got != "kick a@example.org 1, kick a@example.org fail, kick b@example.org 2" {
		t.Errorf("ran %q", got)
	}
	for _, want := range []string{"account=a@example.org", "no such socket", "account=-f@example.org", "account=late@example.org"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
}

func TestCutterIsOffWithoutACommand(t *testing.T) {
	c, ran, _ := cutting()
	c.cut("a@example.org", nil)
	c.close()
	if len(*ran) > 0 {
		t.Errorf("ran %q", *ran)
	}
}

func TestRunCommand(t *testing.T) {
	if err := runCommand(t.Context(), []string{"sh", "-c", "exit 68"}); err != nil {
		t.Errorf("nobody to cut: %v", err)
	}
	err := runCommand(t.Context(), []string{"sh", "-c", "echo it broke >&2; exit 3"})
	if err == nil || !strings.Contains(err.Error(), "it broke") || !strings.Contains(err.Error(), "3") {
		t.Errorf("failure: %v", err)
	}
	if err := runCommand(t.Context(), []string{"/nonexistent/doveadm"}); err == nil {
		t.Error("a program that does not exist ran")
	}
}
