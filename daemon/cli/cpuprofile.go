package cli

import (
	"errors"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"
)

// profileFlag is for who works on latchkey ("make profile"), so no help shows it.
// A file that is named at the start, and no socket to ask at: what a profile
// tells is then nobody's who could not start the daemon.
func profileFlag(cmd *cobra.Command, path *string) {
	const name = "cpuprofile"
	cmd.Flags().StringVar(path, name, "", "write a CPU profile of the whole run to `FILE`")
	_ = cmd.Flags().MarkHidden(name) // fails only for a flag that does not exist
}

// profiled runs fn, and writes where its CPU time went to path unless that is empty.
func profiled(path string, fn func() error) error {
	if path == "" {
		return fn()
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return errors.Join(err, file.Close())
	}
	err = fn()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
