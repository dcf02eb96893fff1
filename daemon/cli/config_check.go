package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// checked is the record of config check.
type checked struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []configProblem `json:"problems"`
}

type configProblem struct {
	Line int    `json:"line"` // 0: the file as a whole
	Key  string `json:"key"`
	Text string `json:"text"`
}

func (a *app) configCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "read the configuration file and name everything wrong with it",
		Args:  takes(),
		RunE: func(*cobra.Command, []string) error {
			c := checked{File: a.configPath(), OK: true, Problems: []configProblem{}}
			_, err := a.serveConfig()
			var problems *config.Problems
			if errors.As(err, &problems) {
				c.OK = false
				for _, p := range problems.List {
					c.Problems = append(c.Problems, configProblem{p.Line, p.Key, p.Text})
				}
			}
			if err != nil && (problems == nil || !a.json) {
				return err
			}
			said := record(a, c, func(w io.Writer) { fmt.Fprintf(w, "%s: good\n", c.File) })
			return errors.Join(err, said)
		},
	}
}
