package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/accountfile"
	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func (a *app) exportAccounts() *cobra.Command {
	format := formatFlag(accountfile.Passwd, accountfile.JSON)
	var secrets bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "print all accounts as a file for another system",
		Long: `Print all accounts as a Dovecot passwd-file, or as JSON with one object on each
line: address, the account's own userdb fields, and whether it is disabled. import
takes both back. What [userdb] gives to all accounts is no account's own: the other
system is to be told of it, as Dovecot is by mail_uid, mail_gid and mail_home. JSON
has the accounts' aliases, too; a passwd-file has no room for them, and "latchkey
account list --postfix-senders" names them all.

With --with-secrets, stored passwords are printed, too, and, as JSON, the numbers
that alone may be bound: not onto a terminal, and it leaves an event. App passwords,
bound phones and devices rest on the key of this database; a backup has them.`,
		Example: `  latchkey export --with-secrets > users
  latchkey export --format json | jq -r .user`,
		Args: takes(),
	}
	cmd.Flags().Var(format, "format", "how to write them: passwd or json")
	cmd.Flags().BoolVar(&secrets, "with-secrets", false, "stored passwords and phone numbers, too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if secrets && a.terminal() {
			return &failure{status: exitFailed, sentence: "stored passwords are not printed onto a terminal",
				hint: "write them to a file that only you can read: (umask 077; latchkey export --with-secrets > FILE)"}
		}
		return a.asking(func(q *question, _ []string) error {
			return a.exportAll(q, accountfile.Format(format.text), secrets)
		})(cmd, args)
	}
	return cmd
}

func (a *app) exportAll(q *question, format accountfile.Format, secrets bool) error {
	ask := admin.Export{WithSecrets: secrets}
	damaged, kept, aliases, phones := 0, 0, 0, 0
	var text []byte
	for {
		page, err := q.AccountExport(q.ctx, ask)
		if err != nil {
			return err
		}
		text = text[:0]
		for _, row := range page.Accounts {
			p := accounts.Portable{Address: row.Address, Userdb: row.Userdb, Phone: row.Phone, Aliases: row.Aliases, Disabled: row.Disabled}
			if row.Password != nil {
				p.Password = row.Password.Secret
				if format == accountfile.Passwd {
					p.Password = secret.New(secret.Named(p.Password.Reveal()))
				}
			}
			begin := len(text)
			text, err = accountfile.Append(text, format, p)
			if errors.Is(err, accountfile.ErrCannotKeep) {
				fmt.Fprintf(a.err, "latchkey: warning: %s: left out, a passwd-file cannot keep it\n", printable(p.Address))
				kept++
			} else if err != nil {
				return err
			} else if format == accountfile.Passwd {
				aliases += len(p.Aliases)
				if p.Phone != "" {
					phones++
				}
			}
			if a.terminal() {
				text = append(text[:begin], visible(string(text[begin:]), format)...)
			}
		}
		if _, err := a.out.Write(text); err != nil {
			return err
		}
		for _, address := range page.Damaged {
			fmt.Fprintf(a.err, "latchkey: warning: %s: the account's record is damaged\n", printable(address))
		}
		damaged += len(page.Damaged)
		if page.Next == "" {
			a.warnNoRoom(aliases, phones)
			return errors.Join(leftOut(kept), damagedAccounts(damaged))
		}
		if ask.After == "" {
			stepBack()
		}
		ask.After = page.Next
	}
}

// warnNoRoom tells what accounts have that a passwd-file has no room for. Whoever
// they are can be served without it.
func (a *app) warnNoRoom(aliases, phones int) {
	if aliases > 0 {
		fmt.Fprintf(a.err, "latchkey: warning: %s not in a passwd-file: --format json has all\n", counted(aliases, "alias is", "aliases are"))
	}
	if phones > 0 {
		fmt.Fprintf(a.err, "latchkey: warning: %s not in a passwd-file: --format json has all\n", counted(phones, "expected phone number is", "expected phone numbers are"))
	}
}

// visible is a line fit for a terminal.
func visible(line string, format accountfile.Format) string {
	text, end := strings.CutSuffix(line, "\n")
	if format == accountfile.JSON {
		text = printableJSON(text)
	} else {
		text = printable(text)
	}
	if end {
		text += "\n"
	}
	return text
}

func leftOut(n int) error {
	if n == 0 {
		return nil
	}
	return &failure{status: exitFailed, sentence: counted(n, "account is", "accounts are") + " left out",
		hint: "a passwd-file keeps no userdb field with a blank in it: use --format json"}
}
