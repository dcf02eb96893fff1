package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// sessionsEnded is the record of sessions end.
type sessionsEnded struct {
	Address string `json:"address"`
	Ended   int    `json:"ended"`
}

func (a *app) sessions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions ADDRESS end",
		Short: "sign an account out at the portal, in every browser",
		Long: `End all sessions of an account at the portal: whoever is signed in has to sign in
again. Trusted browsers stay trusted, mail programs stay connected. The helpdesk
([admin] group) may do this.`,
		Example: `  latchkey sessions alice@example.org end`,
	}
	return a.behindAddress(cmd, nil, behind{verb: "end", run: func(q *question, args []string) error {
		n, err := q.SessionEnd(q.ctx, args[0])
		if err != nil {
			return about(args[0], err)
		}
		return record(a, sessionsEnded{args[0], n}, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %s ended\n", printable(args[0]), plural(n, "session", "sessions"))
		})
	}})
}
