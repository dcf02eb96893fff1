package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

// checked is the record of config check.
type checked struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []configProblem `json:"problems"`
	Warnings []configProblem `json:"warnings"` // the daemon starts all the same
}

type configProblem struct {
	Line int    `json:"line"` // 0: the file as a whole
	Key  string `json:"key"`
	Text string `json:"text"`
}

func configProblems(list []config.Problem) []configProblem {
	all := []configProblem{}
	for _, p := range list {
		all = append(all, configProblem{p.Line, p.Key, p.Text})
	}
	return all
}

const configCheckLong = `Read the configuration file and name everything that is wrong with it. If nothing
is, look at the places of the sockets on this machine: whether their folders and
owners exist, whether something else is there, and whether the daemon's user may
make them. A warning does not keep the daemon from starting.

What systemd or the running daemon holds is as it should be. Sockets that systemd
is to make but has not made yet are looked at as if the daemon had to.`

func (a *app) configCheck() *cobra.Command {
	var fileOnly bool
	var who daemon.DoorCheck
	cmd := &cobra.Command{
		Use:   "check",
		Short: "read the configuration file and name everything wrong with it",
		Long:  configCheckLong,
		Args:  takes(),
		RunE: func(*cobra.Command, []string) error {
			c := checked{File: a.configPath()}
			var found daemon.DoorProblems
			cfg, err := a.serveConfig()
			if err == nil && !fileOnly {
				if found, err = daemon.CheckDoors(cfg, who); err != nil {
					return &failure{status: exitUsage, sentence: err.Error(), cause: err}
				}
			}
			if len(found.Wrong) > 0 {
				err = badConfig(&config.Problems{File: c.File, List: found.Wrong})
			}
			var problems *config.Problems
			if errors.As(err, &problems) {
				found.Wrong = problems.List
			} else if err != nil {
				return err
			}
			c.OK, c.Problems, c.Warnings = err == nil, configProblems(found.Wrong), configProblems(found.Doubtful)
			if a.json {
				return errors.Join(err, printJSON(a, c))
			}
			for _, p := range found.Doubtful {
				fmt.Fprintf(a.err, "latchkey: warning: %s: %s: %s\n", c.File, p.Key, p.Text)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: good\n", c.File)
			return nil
		},
	}
	cmd.Flags().BoolVar(&fileOnly, "file-only", false, "look at the file alone, as on another machine")
	cmd.Flags().StringVar(&who.User, "user", "", "the `USER` that the daemon runs as (default the owner of data_dir)")
	return cmd
}
