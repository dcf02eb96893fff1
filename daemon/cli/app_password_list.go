package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) appPasswordList() *cobra.Command {
	return &cobra.Command{
		Use:   "list ADDRESS",
		Short: "list the app passwords of an account, ended ones too",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			page, err := q.AppPasswordList(q.ctx, args[0])
			if err != nil {
				return about(args[0], err)
			}
			if !a.json && len(page.AppPasswords) == 0 {
				fmt.Fprintf(a.out, "%s has no app passwords\n", printable(args[0]))
				return nil
			}
			if !a.json {
				a.printAppPasswords(a.out, page.AppPasswords)
				return nil
			}
			for _, p := range page.AppPasswords {
				if err := printJSON(a, p); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}
