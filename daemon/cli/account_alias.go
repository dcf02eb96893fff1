package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) accountAlias() *cobra.Command {
	return group("alias", "give an account other names",
		a.aliasAdd(),
		a.aliasRemove(),
		a.aliasList(),
	)
}

func (a *app) aliasAdd() *cobra.Command {
	return &cobra.Command{
		Use:   "add ADDRESS ALIAS",
		Short: "give an account another name",
		Long: `Give an account another name. Its owner may log in with it, at the portal and in
mail programs, and mail for it reaches the account; mail servers are told the
account's address. It must not be the name of an account, nor an alias of another.
Deleting the account deletes its aliases.

Where Postfix is told who may send as whom, make its table anew afterwards: see
account list --postfix-senders.`,
		Example: `  latchkey account alias add alice@example.org a.liddell@example.org`,
		Args:    takes("ADDRESS", "ALIAS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.AliasAdd(q.ctx, admin.AliasQuestion{Address: args[0], Alias: args[1]}); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "also "+printable(args[1]))
		}),
	}
}

func (a *app) aliasRemove() *cobra.Command {
	return &cobra.Command{
		Use:   "remove ADDRESS ALIAS",
		Short: "take another name from an account",
		Args:  takes("ADDRESS", "ALIAS"),
		RunE: a.asking(func(q *question, args []string) error {
			if err := q.AliasRemove(q.ctx, admin.AliasQuestion{Address: args[0], Alias: args[1]}); err != nil {
				return about(args[0], err)
			}
			return a.done(args[0], "no longer "+printable(args[1]))
		}),
	}
}

func (a *app) aliasList() *cobra.Command {
	return &cobra.Command{
		Use:   "list ADDRESS",
		Short: "list the other names of an account",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			page, err := q.AliasList(q.ctx, args[0])
			if err != nil {
				return about(args[0], err)
			}
			if !a.json && len(page.Aliases) == 0 {
				fmt.Fprintf(a.out, "%s has no aliases\n", printable(args[0]))
				return nil
			}
			var rows [][]string
			for _, x := range page.Aliases {
				if a.json {
					if err := printJSON(a, x); err != nil {
						return err
					}
				}
				rows = append(rows, []string{printable(x.Name), a.moment(x.Made), printable(string(x.By))})
			}
			if !a.json {
				table(a.out, "ALIAS|SINCE|BY", rows)
			}
			return nil
		}),
	}
}
