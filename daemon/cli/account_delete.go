package cli

import "github.com/spf13/cobra"

func (a *app) accountDelete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ADDRESS",
		Short: "remove an account with its phone and app passwords",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.AccountDelete(q.ctx, args[0]); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "deleted")
		}),
	}
}
