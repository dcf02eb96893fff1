package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func (a *app) appPasswordAdd() *cobra.Command {
	scopes, expires, name := scopesFlag(), aheadFlag(), ""
	cmd := &cobra.Command{
		Use:   "add ADDRESS --name NAME",
		Short: "make an app password and print it, once",
		Long: `Make an app password for one mail program or device and print it. It is shown
only now: what is kept cannot be turned back into it.

With --json the field secret holds the 16 letters without blanks.`,
		Example: `  latchkey app-password add alice@example.org --name "Alice's phone"
  latchkey app-password add scanner@example.org --name scanner --scope smtp --expires 365d`,
		Args: takes("ADDRESS"),
	}
	cmd.Flags().StringVar(&name, "name", "", "`NAME` of what it is for, such as \"Alice's phone\"")
	cmd.Flags().Var(scopes, "scope", "what it opens: all, or some of imap, pop3, smtp, sieve with commas")
	cmd.Flags().Var(expires, "expires", "90d from now, or its last day, such as 2027-06-30 (default: never)")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		if strings.TrimSpace(name) == "" {
			return usage(cmd, "--name is needed: what the app password is for")
		}
		ask := admin.AppPasswordAdd{Address: args[0], Name: name}
		var err error
		if ask.Scopes, err = store.ParseScopes(scopes.text); err != nil {
			return usage(cmd, err.Error())
		}
		if expires.text != "" {
			if ask.Expires, err = ahead(expires.text, a.now(), a.zone); err != nil {
				return usage(cmd, err.Error())
			}
		}
		made, err := q.AppPasswordAdd(q.ctx, ask)
		if err != nil {
			return about(args[0], err)
		}
		return record(a, made, func(w io.Writer) { a.printNewAppPassword(w, args[0], made) })
	})
	return cmd
}

func (a *app) printNewAppPassword(w io.Writer, address string, made admin.AppPasswordMade) {
	until := "does not expire"
	if !made.Expires.IsZero() {
		until = "expires " + a.moment(made.Expires)
	}
	fmt.Fprintf(w, "app password %s for %s\nopens %s, %s\nid %s\n\n", quoted(made.Name), printable(address), scopesWord(made.Scopes), until, made.ID)
	letters, ok := secret.FoldAppPassword(made.Secret.Reveal())
	if !ok { // an answer of a daemon of another version
		fmt.Fprintf(w, "    %s\n", printable(made.Secret.Reveal()))
		return
	}
	fmt.Fprintf(w, "    %s\n\n", secret.GroupAppPassword(letters))
	fmt.Fprintln(w, "It is shown only now. Type it into the mail program in place of the password,")
	fmt.Fprintln(w, "with or without the blanks.")
}
