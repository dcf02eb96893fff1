package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) accountSetPassword() *cobra.Command {
	var fromStdin, revoke bool
	cmd := &cobra.Command{
		Use:   "set-password ADDRESS",
		Short: "give an account a new main password",
		Long: `Give an account a new main password, which is asked for on the terminal or read
from standard input. Everybody is signed out of it at the portal, and no browser
is trusted any more. App passwords stay unless --revoke-app-passwords is given.`,
		Args: takes("ADDRESS"),
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, one line")
	cmd.Flags().BoolVar(&revoke, "revoke-app-passwords", false, "also revoke all app passwords of the account")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		password, err := a.newPassword(cmd, args[0], fromStdin)
		if err != nil {
			return err
		}
		set, err := q.SetPassword(q.ctx, admin.SetPassword{Address: args[0], Password: admin.Password{Secret: password}, RevokeAppPasswords: revoke})
		if err != nil {
			return about(args[0], err)
		}
		return record(a, set, func(w io.Writer) {
			fmt.Fprintf(w, "%s: password set", printable(args[0]))
			if revoke {
				fmt.Fprintf(w, ", %s revoked", plural(len(set.Ended), "app password", "app passwords"))
			}
			fmt.Fprintln(w)
		})
	})
	return cmd
}
