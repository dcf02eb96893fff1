package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) phoneShow() *cobra.Command {
	full := false
	cmd := &cobra.Command{
		Use:   "show ADDRESS",
		Short: "show the phone of an account, its number masked",
		Args:  takes("ADDRESS"),
	}
	cmd.Flags().BoolVar(&full, "full", false, "show the whole number; that leaves an event")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		show := q.PhoneShow
		if full {
			show = q.PhoneReveal
		}
		p, err := show(q.ctx, args[0])
		if err != nil {
			return about(args[0], err)
		}
		return record(a, p, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %s, bound %s by %s\n", printable(args[0]), p.Number, a.moment(p.Bound), printable(string(p.BoundBy)))
		})
	})
	return cmd
}
