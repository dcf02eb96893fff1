package cli

import "github.com/spf13/cobra"

func (a *app) accountEnable() *cobra.Command {
	return &cobra.Command{
		Use:   "enable ADDRESS",
		Short: "allow logins of a disabled account again",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.AccountEnable(q.ctx, args[0]); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "enabled")
		}),
	}
}
