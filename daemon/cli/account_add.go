package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) accountAdd() *cobra.Command {
	var fromStdin, without bool
	cmd := &cobra.Command{
		Use:   "add ADDRESS",
		Short: "make an account",
		Long: `Make an account with a main password, which is asked for on the terminal or read
from standard input. An account without one is opened by app passwords only.`,
		Example: `  latchkey account add alice@example.org
  pwgen -s 20 1 | latchkey account add alice@example.org --password-stdin`,
		Args: takes("ADDRESS"),
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, one line")
	cmd.Flags().BoolVar(&without, "no-password", false, "make the account without a main password")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "no-password")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		add := admin.AccountAdd{Address: args[0]}
		if !without {
			password, err := a.newPassword(cmd, args[0], fromStdin)
			if err != nil {
				return err
			}
			add.Password = &admin.Password{Secret: password}
		}
		made, err := q.AccountAdd(q.ctx, add)
		if err != nil {
			return about(args[0], err)
		}
		return record(a, made, func(w io.Writer) { fmt.Fprintf(w, "%s: added\n", made.Address) })
	})
	return cmd
}
