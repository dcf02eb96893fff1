package cli

import "github.com/spf13/cobra"

const rootLong = `latchkey lets mail programs in with app passwords of their own, once two-step
verification is on.

Commands that work on accounts ask the running daemon. When none runs they open
the data folder themselves; as root they then act as its owner.

With --json, every record is one JSON object on a line of its own.

Exit status:
  0  done
  1  failed or refused, nothing was changed; check or list found damage,
     doctor a door that stays open to main passwords
  2  the command line is wrong
  3  the configuration is wrong
  4  there is no such account, app password, device or phone
  5  not allowed
  6  the daemon or its database is not available`

// root registers every verb.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "latchkey",
		Short:         "authentication daemon for mail servers",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommand,
		RunE:          help,
	}
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration `FILE` (default $LATCHKEY_CONFIG, else "+DefaultConfig+")")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print records as JSON, one a line")
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 2
	root.AddGroup(&cobra.Group{ID: "accounts", Title: "Accounts:"}, &cobra.Group{ID: "daemon", Title: "Daemon:"})

	root.AddCommand(inGroup("accounts",
		a.account(),
		a.importAccounts(),
		a.exportAccounts(),
		a.appPassword(),
		a.phone(),
		a.devices(),
		a.sessions(),
		a.events(),
		a.explain(),
	)...)
	root.AddCommand(inGroup("daemon",
		a.serve(),
		a.demo(),
		a.bench(),
		a.check(),
		a.doctor(),
		a.metrics(),
		a.configVerbs(),
		a.version(),
	)...)
	return root
}

func inGroup(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// group is a command that only has others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: subcommand, RunE: help, SuggestionsMinimumDistance: 2}
	g.AddCommand(commands...)
	return g
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }
