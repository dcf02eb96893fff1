package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func (a *app) phoneReset() *cobra.Command {
	revoke := false
	cmd := &cobra.Command{
		Use:   "reset ADDRESS",
		Short: "make a one-time code for who has lost the phone, and print it, once",
		Long: `Make a one-time code for somebody who has lost the phone, or who needs one for a
first binding, and print it. Make sure first that it is the owner who asks. After
the main password the code opens one thing: the page where a new number is bound, or
the same again. It works once, for 30 minutes, and replaces an earlier one. If too
many SMS codes in a row were wrong, they are taken again from now on.

Everybody is signed out of the account at the portal, and no browser is trusted
any more. The bound number stays until the new one is bound, so the main password
goes on to open no mail program. The helpdesk ([admin] group) may do this.

With --json the field code holds the code.`,
		Example: `  latchkey phone reset alice@example.org
  latchkey phone reset alice@example.org --revoke-app-passwords   # the phone was stolen`,
		Args: takes("ADDRESS"),
	}
	cmd.Flags().BoolVar(&revoke, "revoke-app-passwords", false, "also revoke all app passwords of the account")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		made, err := q.PhoneReset(q.ctx, admin.PhoneReset{Address: args[0], RevokeAppPasswords: revoke})
		if err != nil {
			return about(args[0], err)
		}
		return record(a, made, func(w io.Writer) { a.printHelpdeskCode(w, args[0], made, revoke) })
	})
	return cmd
}

func (a *app) printHelpdeskCode(w io.Writer, address string, made admin.PhoneResetMade, revoked bool) {
	fmt.Fprintf(w, "one-time code for %s, until %s\n\n", printable(address), a.moment(made.Until))
	text := printable(made.Code.Reveal())
	if code, ok := secret.FoldRecoveryCode(made.Code.Reveal()); ok {
		text = code.Group()
	}
	fmt.Fprintf(w, "    %s\n\n", text)
	fmt.Fprintln(w, "It is shown only now, and works once. Tell it to the owner alone, who")
	fmt.Fprintln(w, "  1. signs in with the main password"+atPortal(made.Portal))
	if made.Bound {
		fmt.Fprintln(w, "  2. chooses \"I do not have this phone\" and types the code")
		fmt.Fprintln(w, "  3. binds the new number")
	} else {
		fmt.Fprintln(w, "  2. types the code if it is asked for")
		fmt.Fprintln(w, "  3. binds a number")
	}
	if revoked {
		fmt.Fprintln(w, "All app passwords of the account are revoked: mail programs will need new ones.")
	}
}

// atPortal is where people sign in, if the daemon knows it.
func atPortal(url string) string {
	if url == "" {
		return ""
	}
	return " at " + printable(url)
}
