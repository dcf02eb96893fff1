package cli

import (
	"fmt"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/sasl"
)

// printSenders prints, for Postfix's smtpd_sender_login_maps, a line for each
// address and each alias: the name, a tab, and the login that may send with it,
// which is what latchkey tells Postfix of a login by either: the account's
// address. It returns how many accounts with damaged aliases there are, beside
// those of page.Damaged.
func (a *app) printSenders(page accounts.Page) (damaged int, err error) {
	for _, address := range page.Damaged {
		a.warnDamaged(address)
	}
	for _, s := range page.Accounts {
		for _, name := range append([]string{s.Address}, s.Aliases...) {
			a.printSender(name, s.Address)
		}
		if s.AliasesDamaged {
			fmt.Fprintf(a.err, "latchkey: warning: %s: an alias's record is damaged\n", printable(s.Address))
			damaged++
		}
	}
	return damaged, nil
}

// printSender leaves out a name that would mean something else in Postfix's file:
// a blank or comma, or a "#" in front. None can be given to an account.
func (a *app) printSender(name, login string) {
	if sasl.CheckNewAddress(name) != nil || sasl.CheckNewAddress(login) != nil {
		fmt.Fprintf(a.err, "latchkey: warning: %s: left out: no address for Postfix\n", printable(name))
		return
	}
	fmt.Fprintf(a.out, "%s\t%s\n", name, login)
}
