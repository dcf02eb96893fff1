package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

func (a *app) appPasswordRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ADDRESS ID",
		Short: "end an app password; the others stay",
		Args:  takes("ADDRESS", "ID"),
	}
	cmd.RunE = a.asking(func(q *question, args []string) error {
		id, err := store.ParseAppPasswordID(args[1])
		if err != nil { // not repeated: somebody may have given the app password itself
			f := usage(cmd, "an ID is 16 digits from 0-9 and a-f")
			f.hint = "list them: latchkey app-password list " + printable(args[0])
			return f
		}
		p, err := q.AppPasswordRevoke(q.ctx, admin.AppPasswordRevoke{Address: args[0], ID: id})
		if err != nil {
			return about(args[0], err)
		}
		return record(a, p, func(w io.Writer) {
			fmt.Fprintf(w, "%s: app password %s: %s\n", printable(args[0]), quoted(p.Name), a.appPasswordState(p))
		})
	})
	return cmd
}
