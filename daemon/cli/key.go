package cli

import "github.com/spf13/cobra"

func (a *app) key() *cobra.Command {
	return group("key", "name the key of the database, and export it",
		a.keyShow(),
		a.keyExport(),
	)
}
