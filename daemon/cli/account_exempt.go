package cli

import (
	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) accountExempt() *cobra.Command {
	until, reason := aheadFlag(), ""
	cmd := &cobra.Command{
		Use:   "exempt ADDRESS --until WHEN --reason TEXT",
		Short: "except an account from required two-step verification",
		Long: `Let an account without a phone use its main password in mail programs although
two-step verification is required, until a date. The reason is for those who ask
later. A second exception replaces the first.`,
		Example:               `  latchkey account exempt scanner@example.org --until 2027-06-30 --reason "printer cannot do it, ticket 4711"`,
		Args:                  takes("ADDRESS"),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().Var(until, "until", "90d from now, or the last day, such as 2027-06-30")
	cmd.Flags().StringVar(&reason, "reason", "", "a `TEXT` for those who ask later")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		end, err := ahead(until.text, a.now(), a.zone)
		if err != nil || reason == "" {
			return usage(cmd, "--until and --reason are needed")
		}
		if err := q.AccountExempt(q.ctx, admin.AccountExempt{Address: args[0], Until: end, Reason: reason}); err != nil {
			return about(args[0], err)
		}
		return a.done(args[0], "excepted until "+a.moment(end))
	})
	return cmd
}
