package cli

import "github.com/spf13/cobra"

func (a *app) accountUnexempt() *cobra.Command {
	return &cobra.Command{
		Use:   "unexempt ADDRESS",
		Short: "end an exception from required two-step verification",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.AccountUnexempt(q.ctx, args[0]); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "exception ended")
		}),
	}
}
