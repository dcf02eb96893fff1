package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// A demoStyle is the ends of the escape sequences that a terminal understands
// (ECMA-48, SGR); all empty elsewhere.
type demoStyle struct{ bold, dim, green, red, off string }

// demoStyle uses colour on a terminal, unless NO_COLOR (no-color.org) or
// TERM=dumb asks for none.
func (a *app) demoStyle() demoStyle {
	if !a.terminal() || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" {
		return demoStyle{}
	}
	return demoStyle{bold: "\x1b[1m", dim: "\x1b[2m", green: "\x1b[32m", red: "\x1b[31m", off: "\x1b[0m"}
}

// A demoPrinter prints a demo as it goes along. What cannot be printed is lost:
// the demo's result is its status.
type demoPrinter struct {
	w     io.Writer
	style demoStyle
}

func (p demoPrinter) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

func (p demoPrinter) title() {
	p.printf("\n%slatchkey demo%s: one daemon, one mail server, one account; all of it on this\n", p.style.bold, p.style.off)
	p.printf("machine only and removed at the end.\n\n")
	p.printf("%s    %-41s %-10s %s%s\n", p.style.dim, "step", "expected", "got", p.style.off)
}

// walk does the steps in turn, printing each, and stops at the first that does
// not come as expected: those after it would only follow from it.
func (p demoPrinter) walk(ctx context.Context, steps []demoStep) error {
	for i, step := range steps {
		p.printf("%3d %-41s %-10s ", i+1, step.title, step.want.word)
		got, err := step.do(ctx)
		if err != nil {
			got = demoResult{"error", err.Error()}
		}
		met := step.met(got)
		mark := p.style.green + "✓" + p.style.off
		if !met {
			mark = p.style.red + "✗" + p.style.off
		}
		p.printf("%-10s %s\n", got.word, mark)
		if got.shown != "" {
			p.printf("    %s%s%s\n", p.style.dim, got.shown, p.style.off)
		}
		if !met {
			if step.want.shown != "" && got.shown != step.want.shown {
				p.printf("    %sexpected: %s%s\n", p.style.dim, step.want.shown, p.style.off)
			}
			return fmt.Errorf("demo: step %d (%s): expected %s, got %s", i+1, step.title, step.want, got)
		}
	}
	return nil
}

// String is the word and what a person would see.
func (r demoResult) String() string {
	if r.shown == "" {
		return r.word
	}
	return fmt.Sprintf("%s (%s)", r.word, r.shown)
}

// events prints the event log, in the words of latchkey events.
func (p demoPrinter) events(log []store.Event) {
	var rows [][]string
	for _, e := range log {
		from := none
		if e.Addr.IsValid() {
			from = fmt.Sprintf("%s from %s", printable(e.Service), e.Addr)
		}
		what, why := eventWords(&e)
		rows = append(rows, []string{e.Time.Local().Format(time.TimeOnly), what, why, from, fmt.Sprint(e.Count)})
	}
	p.printf("\n%sThe event log%s\n\n", p.style.bold, p.style.off)
	table(p.w, "TIME|WHAT|WHY OR BY WHOM|WHERE|TIMES", rows)
}
