package cli

import "github.com/spf13/cobra"

func (a *app) phoneUnbind() *cobra.Command {
	return &cobra.Command{
		Use:   "unbind ADDRESS",
		Short: "remove the phone: two-step verification is off from then",
		Long: `Remove the phone of an account. Its main password opens mail programs again,
unless two-step verification is required of it. Everybody is signed out of it at
the portal, no browser is trusted any more, and the recovery codes end; app
passwords stay.

For who has lost a phone, latchkey phone reset is better: it opens nothing. The
helpdesk ([admin] group) may do both.`,
		Args: takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.PhoneUnbind(q.ctx, args[0]); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "phone unbound")
		}),
	}
}
