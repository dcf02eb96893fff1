package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) phoneBind() *cobra.Command {
	return &cobra.Command{
		Use:   "bind ADDRESS NUMBER",
		Short: "bind a phone: two-step verification is on from then",
		Long: `Bind a mobile number to an account, or another one if one is bound. From then on
the main password opens nothing but the portal. App passwords that the owner made
before end; those that an administrator made stay. Everybody is signed out of the
account at the portal, and no browser is trusted any more.

The helpdesk may not do this.

A number without a country code is taken for one of +86.`,
		Example: `  latchkey phone bind alice@example.org "+86 138 1234 5678"`,
		Args:    takes("ADDRESS", "NUMBER"),
		RunE: a.asking(func(q *question, args []string) error {
			b, err := q.PhoneBind(q.ctx, admin.PhoneBind{Address: args[0], Number: args[1]})
			if err != nil {
				return about(args[0], err)
			}
			return record(a, b, func(w io.Writer) {
				did := "phone bound: "
				if b.Changed {
					did = "phone changed: "
				}
				fmt.Fprintf(w, "%s: %s%s\n", printable(args[0]), did, b.Phone)
				if len(b.Ended) > 0 {
					fmt.Fprintf(w, "%s made before ended\n", plural(len(b.Ended), "app password", "app passwords"))
				}
			})
		}),
	}
}
