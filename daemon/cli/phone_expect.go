package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) phoneExpect() *cobra.Command {
	return &cobra.Command{
		Use:   "expect ADDRESS NUMBER",
		Short: "name the only number that may be bound at the portal",
		Long: `Name the number that the owner of an account will bind. No other is accepted at
the portal then: who has stolen the main password cannot bind a phone first. A
second number replaces the first.

The helpdesk may not do this. A number without a country code is taken for one of
+86.`,
		Example: `  latchkey phone expect alice@example.org "+86 138 1234 5678"`,
		Args:    takes("ADDRESS", "NUMBER"),
		RunE: a.asking(func(q *question, args []string) error {
			expected, err := q.PhoneExpect(q.ctx, admin.PhoneExpect{Address: args[0], Number: args[1]})
			if err != nil {
				return about(args[0], err)
			}
			return record(a, expected, func(w io.Writer) {
				fmt.Fprintf(w, "%s: only %s may be bound\n", printable(args[0]), printable(expected.Phone))
			})
		}),
	}
}
