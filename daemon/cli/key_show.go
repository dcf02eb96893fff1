package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "print the id of the key",
		Long: `Print the id of the key that the database is made with: 8 hex digits, which tell
nothing about the key itself. A backup names the same id.`,
		Args: takes(),
		RunE: a.asking(func(q *question, _ []string) error {
			k, err := q.KeyShow(q.ctx)
			if err != nil {
				return err
			}
			return record(a, k, func(w io.Writer) { fmt.Fprintln(w, printable(k.ID)) })
		}),
	}
}
