package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

func (a *app) accountShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ADDRESS",
		Short: "show an account with its phone, its browsers and app passwords",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			shown, err := q.AccountShow(q.ctx, args[0])
			if err != nil {
				return about(args[0], err)
			}
			return record(a, shown, func(w io.Writer) { a.printAccount(w, shown) })
		}),
	}
}

func (a *app) printAccount(w io.Writer, s admin.AccountShown) {
	fmt.Fprintln(w, s.Address)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, text string) { fmt.Fprintf(t, "  %s\t%s\n", key, text) }
	line("id", s.ID.String())
	if s.Disabled {
		line("state", "disabled: nobody can log in, mail is still delivered")
	} else {
		line("state", "active")
	}
	if len(s.Aliases) > 0 {
		line("aliases", printable(strings.Join(s.Aliases, ", ")))
	}
	if s.Bound.IsZero() {
		line("phone", "none: two-step verification is off")
	} else {
		line("phone", s.Phone+", two-step verification since "+a.moment(s.Bound))
	}
	line("main password", mainSentence(s.MainPassword))
	if s.MainLastUse != nil {
		line("last used", a.lastUse(s.MainLastUse))
	}
	if e := s.Exception; e != nil {
		over := ""
		if s.ExemptUntil.IsZero() {
			over = " (over)"
		}
		line("exception", fmt.Sprintf("until %s%s, by %s: %s", a.moment(e.Until), over, printable(string(e.By)), printable(e.Reason)))
	}
	if s.OwnUserdb {
		line("userdb", "has fields of its own: latchkey account userdb show "+printable(s.Address))
	}
	a.printTwoStep(line, s.TwoStep, !s.Bound.IsZero())
	if damaged := append(s.Damaged, s.TwoStep.Damaged...); len(damaged) > 0 {
		line("damaged", printable(strings.Join(damaged, ", ")))
	}
	line("app passwords", appPasswordCount(s.Account))
	_ = t.Flush()
	if len(s.AppPasswords) > 0 {
		fmt.Fprintln(w)
		a.printAppPasswords(w, s.AppPasswords)
	}
}

func appPasswordCount(s *accounts.Account) string {
	ended := len(s.AppPasswords) - s.Live
	if ended == 0 {
		return fmt.Sprintf("%d", s.Live)
	}
	return fmt.Sprintf("%d, and %d that ended", s.Live, ended)
}

func mainSentence(m accounts.MainPassword) string {
	switch m {
	case accounts.MainOpens:
		return "opens mail programs and the portal"
	case accounts.MainBound:
		return "opens only the portal: a phone is bound"
	case accounts.MainEnforced:
		return "opens only the portal: two-step verification is required, and no phone is bound"
	case accounts.MainDisabled:
		return "opens nothing"
	default:
		return "none: only app passwords open this account"
	}
}

// lastUse is when, by which service and from where.
func (a *app) lastUse(u *store.LastUse) string {
	if u == nil {
		return "never"
	}
	text := a.moment(u.Time)
	if u.Service != "" {
		text += " " + printable(u.Service)
	}
	if u.Addr.IsValid() {
		text += " " + u.Addr.String()
	}
	return text
}
