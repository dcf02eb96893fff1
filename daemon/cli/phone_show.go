package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) phoneShow() *cobra.Command {
	full := false
	cmd := &cobra.Command{
		Use:   "show ADDRESS",
		Short: "show the phone of an account, its number masked",
		Long: `Show the phone of an account, its number masked, and what else the helpdesk is
asked about: which number is expected, whether SMS codes are taken, whether a
one-time code is waited for and how many recovery codes are left.

The exit status is 4 if no phone is bound and none is waited for.`,
		Args: takes("ADDRESS"),
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
		return record(a, p, func(w io.Writer) { a.printPhone(w, args[0], p) })
	})
	return cmd
}

func (a *app) printPhone(w io.Writer, address string, p admin.PhoneShown) {
	if p.Phone == nil {
		fmt.Fprintf(w, "%s: no phone is bound\n", printable(address))
	} else {
		fmt.Fprintf(w, "%s: %s, bound %s by %s\n", printable(address), p.Number, a.moment(p.Bound), printable(string(p.BoundBy)))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, text string) { fmt.Fprintf(t, "  %s\t%s\n", key, text) }
	x := p.TwoStep
	if x.Expected != nil {
		line("expected phone", a.expectedWords(x.Expected))
	}
	if x.ClosedUntil.IsZero() {
		line("SMS codes", "are taken")
	} else {
		line("SMS codes", a.closedWords(x))
	}
	if !x.HelpdeskCodeUntil.IsZero() {
		line("one-time code", a.helpdeskCodeWords(x))
	}
	if p.Phone != nil {
		line("recovery codes", recoveryWords(x))
	}
	if len(x.Damaged) > 0 {
		line("damaged", strings.Join(x.Damaged, ", "))
	}
	_ = t.Flush()
}
