package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is the record of version.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source
	Modified bool   `json:"modified,omitempty"` // built from a changed source
	Go       string `json:"go"`
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  takes(),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return record(a, b, func(w io.Writer) {
				fmt.Fprintf(w, "latchkey %s", b.Version)
				if b.Revision != "" {
					fmt.Fprintf(w, " (%.12s)", b.Revision)
				}
				fmt.Fprintf(w, ", %s\n", b.Go)
			})
		},
	}
}

// thisBuild is what the Go tool wrote into the binary.
func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
