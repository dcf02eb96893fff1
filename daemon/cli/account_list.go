package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
)

func (a *app) accountList() *cobra.Command {
	var byScheme bool
	scheme := &flagText{kind: "SCHEME", check: func(string) error { return nil }}
	var senders bool
	cmd := &cobra.Command{
		Use:   "list [TEXT]",
		Short: "list all accounts",
		Long: `List all accounts, or those with TEXT in their address. One whose record is
damaged is named on standard error, and the exit status is then 1.

With --by-scheme, count them by the scheme in which their main password is kept
instead. One of another scheme than argon2id came by an import, and is replaced
when its password is next used; --scheme names the accounts of one scheme.

With --postfix-senders the list is a table for Postfix's smtpd_sender_login_maps:
each address and each alias, and the login that may send with it. Disabled
accounts stand in it, too: they cannot log in, and nobody else may send as them.
If the exit status is not 0 the table is not whole: keep the one before.`,
		Example: `  latchkey account list
  latchkey account list @physics.example.org
  latchkey account list --by-scheme
  latchkey account list --postfix-senders > latchkey-senders.in && postmap latchkey-senders.in`,
		Args: mayTake("TEXT"),
	}
	cmd.Flags().BoolVar(&senders, "postfix-senders", false, "print who may send as whom, for Postfix")
	cmd.Flags().BoolVar(&byScheme, "by-scheme", false, "count accounts by the scheme of their main password")
	cmd.Flags().Var(scheme, "scheme", "only accounts whose main password is kept so")
	cmd.MarkFlagsMutuallyExclusive("by-scheme", "scheme", "postfix-senders")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		search := strings.Join(args, "") // one at most
		if search != "" && (senders || byScheme || scheme.text != "") {
			return usage(cmd, "TEXT is for the plain list only")
		}
		if senders && a.json {
			return usage(cmd, "--postfix-senders is no JSON")
		}
		if byScheme || scheme.text != "" {
			return a.listSchemes(q, strings.ToLower(scheme.text))
		}
		if senders {
			return a.listAccounts(q, "", a.printSenders)
		}
		return a.listAccounts(q, search, a.accountPrinter(search))
	})
	return cmd
}

// listAccounts gives print all pages of the list. Pages that nobody is on are
// given, too, and the last one has no Next. print tells how much is damaged beside
// what the page says.
func (a *app) listAccounts(q *question, search string, print func(accounts.Page) (int, error)) error {
	ask, damaged := admin.AccountList{Search: search}, 0
	for {
		page, err := q.AccountList(q.ctx, ask)
		if err != nil {
			return err
		}
		more, err := print(page)
		if err != nil {
			return err
		}
		damaged += len(page.Damaged) + more
		if page.Next == "" {
			return damagedAccounts(damaged)
		}
		if ask.After == "" {
			stepBack()
		}
		ask.After = page.Next
	}
}

// damagedAccount stands in JSON for an account of which only the address is known.
type damagedAccount struct {
	Address string `json:"address"`
	Damaged bool   `json:"damaged"` // true
}

func (a *app) warnDamaged(address string) {
	fmt.Fprintf(a.err, "latchkey: warning: %s: the account's record is damaged\n", printable(address))
}

func damagedAccounts(n int) error {
	if n == 0 {
		return nil
	}
	return &failure{status: exitFailed, sentence: plural(n, "account is", "accounts are") + " damaged",
		hint: "latchkey check names all that is damaged; restore the database from a backup"}
}

// accountPrinter prints pages as they come, those of a search gathered to tables
// of some length.
func (a *app) accountPrinter(search string) func(accounts.Page) (int, error) {
	var rows [][]string
	some := false
	return func(page accounts.Page) (int, error) {
		some = some || len(page.Accounts)+len(page.Damaged) > 0
		for _, address := range page.Damaged {
			a.warnDamaged(address)
			if !a.json {
				continue
			}
			if err := printJSON(a, damagedAccount{address, true}); err != nil {
				return 0, err
			}
		}
		for _, s := range page.Accounts {
			if a.json {
				if err := printJSON(a, s); err != nil {
					return 0, err
				}
				continue
			}
			rows = append(rows, a.accountRow(s))
		}
		last := page.Next == ""
		if len(rows) >= accounts.MaxPage || len(rows) > 0 && (last || search == "") {
			table(a.out, "ADDRESS|STATE|PHONE SINCE|MAIN PASSWORD|APP PASSWORDS", rows)
			rows = rows[:0]
		}
		switch {
		case a.json || some || !last:
		case search != "":
			fmt.Fprintf(a.out, "no account has %q in its address\n", printable(search))
		default:
			fmt.Fprintln(a.out, "no accounts yet; make one: latchkey account add ADDRESS")
		}
		return 0, nil
	}
}

func (a *app) accountRow(s accounts.Summary) []string {
	state := "active"
	if s.Disabled {
		state = "disabled"
	}
	return []string{s.Address, state, a.moment(s.Bound), mainWord(s.MainPassword), strconv.Itoa(s.Live)}
}

// mainWord says in a few words what the main password opens.
func mainWord(m accounts.MainPassword) string {
	switch m {
	case accounts.MainOpens:
		return "opens mail programs"
	case accounts.MainBound, accounts.MainEnforced:
		return "opens only the portal"
	case accounts.MainDisabled:
		return "opens nothing"
	default:
		return "none"
	}
}
