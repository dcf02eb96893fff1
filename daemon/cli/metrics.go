package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) metrics() *cobra.Command {
	return &cobra.Command{
		Use:   "metrics",
		Short: "print what the daemon counts",
		Long: `Print what the running daemon counts, in the text form that Prometheus and its
like read. With --json, every sample is an object: name, labels and value.

Monitoring reads the same page by itself, as root, as the daemon's user or as a
member of [admin] group.`,
		Example: `  latchkey metrics | grep sms
  curl --unix-socket /run/latchkey/admin http://latchkey/metrics`,
		Args: takes(),
		RunE: a.askingDaemon("only a running daemon counts: latchkey serve", func(q *question) error {
			text, err := q.Metrics(q.ctx)
			if err != nil {
				return err
			}
			return a.printMetrics(text)
		}),
	}
}

func (a *app) printMetrics(text string) error {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		line := lines.Text()
		if !a.json {
			fmt.Fprintln(a.out, printable(line))
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		s, ok := parseSample(line)
		if !ok {
			return &failure{status: exitUnavailable, sentence: "the daemon's metrics have a line of an unknown form",
				hint: "the command and the daemon may be of different versions"}
		}
		if err := printJSON(a, s); err != nil {
			return err
		}
	}
	return lines.Err()
}
