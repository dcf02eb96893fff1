package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

func (a *app) appPassword() *cobra.Command {
	return group("app-password", "make, list and revoke app passwords",
		a.appPasswordAdd(),
		a.appPasswordList(),
		a.appPasswordRevoke(),
	)
}

// printAppPasswords is a table of them; the name, which may be of any script,
// stands last.
func (a *app) printAppPasswords(w io.Writer, all []accounts.AppPassword) {
	rows := make([][]string, 0, len(all))
	for _, p := range all {
		expires := "never"
		if !p.Expires.IsZero() {
			expires = a.moment(p.Expires)
		}
		name := printable(p.Name)
		if p.Damaged {
			name = "(its record is damaged)"
		}
		rows = append(rows, []string{p.ID.String(), a.appPasswordState(p), p.Scopes.String(), a.moment(p.Made), expires, a.lastUse(p.LastUse), name})
	}
	table(w, "ID|STATE|FOR|MADE|EXPIRES|LAST USED|NAME", rows)
}

func (a *app) appPasswordState(p accounts.AppPassword) string {
	switch p.State {
	case store.Live:
		return "live"
	case store.Revoked:
		return "revoked " + a.moment(p.Ended)
	case store.Expired:
		return "expired"
	case store.MadeBeforeBinding:
		return "ended by binding " + a.moment(p.Ended)
	default:
		return p.State.String()
	}
}

// scopesWord is for people: "all services", or the list.
func scopesWord(s store.Scopes) string {
	if s == store.ScopeAll {
		return "all services"
	}
	return s.String()
}

// quoted is a name between quotes.
func quoted(name string) string { return fmt.Sprintf("%q", printable(name)) }
