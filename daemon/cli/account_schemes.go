package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// schemeCount is a record of account list --by-scheme.
type schemeCount struct {
	Scheme   string `json:"scheme"`
	Accounts int    `json:"accounts"`
}

// schemeAddress is a record of account list --scheme.
type schemeAddress struct {
	Address string `json:"address"`
	Scheme  string `json:"scheme"`
}

// listSchemes prints how many accounts keep their main password in which way, or
// the addresses of one of them.
func (a *app) listSchemes(q *question, scheme string) error {
	total, damaged := make(map[string]int), 0
	ask := admin.Schemes{Scheme: scheme}
	for {
		page, err := q.Schemes(q.ctx, ask)
		if err != nil {
			return err
		}
		for name, n := range page.Schemes {
			total[name] += n
		}
		if err := a.printSchemeAddresses(scheme, page.Addresses); err != nil {
			return err
		}
		for _, address := range page.Damaged {
			fmt.Fprintf(a.err, "latchkey: warning: %s: the account's record is damaged\n", printable(address))
		}
		damaged += len(page.Damaged)
		if page.Next == "" {
			break
		}
		if ask.After == "" {
			stepBack()
		}
		ask.After = page.Next
	}
	if scheme == "" {
		if err := a.printSchemes(total); err != nil {
			return err
		}
	}
	return damagedAccounts(damaged)
}

func (a *app) printSchemeAddresses(scheme string, addresses []string) error {
	for _, address := range addresses {
		if a.json {
			if err := printJSON(a, schemeAddress{address, scheme}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintln(a.out, printable(address))
	}
	return nil
}

func (a *app) printSchemes(total map[string]int) error {
	var rows [][]string
	for _, name := range slices.SortedFunc(maps.Keys(total), func(x, y string) int {
		return cmp.Or(total[y]-total[x], cmp.Compare(x, y))
	}) {
		if a.json {
			if err := printJSON(a, schemeCount{name, total[name]}); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{name, grouped(total[name]), schemeWord(name)})
	}
	switch {
	case a.json:
	case len(rows) > 0:
		table(a.out, "SCHEME|ACCOUNTS|AT THE NEXT LOGIN", rows)
	default:
		fmt.Fprintln(a.out, "no accounts yet; make one: latchkey account add ADDRESS")
	}
	return nil
}

// schemeWord says what becomes of a stored hash.
func schemeWord(name string) string {
	switch name {
	case secret.Argon2id:
		return "stays"
	case secret.SchemeNone:
		return "there is no main password"
	case secret.SchemeUnknown:
		return "nobody can log in with it: set a new one"
	}
	return "replaced by argon2id"
}
