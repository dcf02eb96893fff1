package cli

import "github.com/spf13/cobra"

func (a *app) accountDisable() *cobra.Command {
	return &cobra.Command{
		Use:   "disable ADDRESS",
		Short: "stop all logins of an account; mail is still delivered",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.AccountDisable(q.ctx, args[0]); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "disabled")
		}),
	}
}
