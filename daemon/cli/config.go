package cli

import "github.com/spf13/cobra"

func (a *app) configVerbs() *cobra.Command {
	return group("config", "check the configuration", a.configCheck())
}
