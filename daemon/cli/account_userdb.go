package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

func (a *app) accountUserdb() *cobra.Command {
	return group("userdb", "show and change what Dovecot is told of one account alone",
		a.accountUserdbShow(),
		a.accountUserdbSet(),
		a.accountUserdbUnset(),
	)
}

func (a *app) accountUserdbShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ADDRESS",
		Short: "show an account's own userdb fields",
		Args:  takes("ADDRESS"),
		RunE: a.asking(func(q *question, args []string) error {
			shown, err := q.UserdbShow(q.ctx, args[0])
			return a.printUserdb(args[0], shown, err)
		}),
	}
}

func (a *app) accountUserdbSet() *cobra.Command {
	return &cobra.Command{
		Use:   "set ADDRESS KEY=VALUE...",
		Short: "give an account userdb fields of its own",
		Long: `Give an account userdb fields of its own: uid, gid, home and what else Dovecot
takes from a userdb. They stand in the place of what [userdb] says for all
accounts; other fields of the account stay.

In a value, %u stands for alice@example.org, %n for alice, %d for example.org and
%% for a percent sign. A key may have "userdb_" before it, as a passdb would have.
There is no place for secrets here: everybody who may look a user up is told.`,
		Example:               `  latchkey account userdb set alice@example.org uid=5001 gid=5001 home=/srv/mail/%n quota_rule=*:storage=10G`,
		DisableFlagsInUseLine: true,
		Args:                  takesMore("ADDRESS", "KEY=VALUE"),
		RunE: a.asking(func(q *question, args []string) error {
			ask := admin.UserdbSet{Address: args[0]}
			for _, arg := range args[1:] {
				key, value, found := strings.Cut(arg, "=")
				if !found {
					return &failure{status: exitUsage, sentence: fmt.Sprintf("%q has no value: KEY=VALUE is wanted", printable(key)),
						hint: "see latchkey account userdb set --help"}
				}
				ask.Fields = append(ask.Fields, store.UserdbField{Key: key, Value: value})
			}
			shown, err := q.UserdbSet(q.ctx, ask)
			return a.printUserdb(args[0], shown, err)
		}),
	}
}

func (a *app) accountUserdbUnset() *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "unset ADDRESS KEY...",
		Short: "take userdb fields of its own from an account",
		Long: `Take userdb fields of its own from an account: what [userdb] says for all accounts
holds for it again. With --all it has none of its own any more.`,
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().BoolVar(&all, "all", false, "take all of them, also if their record is damaged")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if all {
			return takes("ADDRESS")(cmd, args)
		}
		return takesMore("ADDRESS", "KEY")(cmd, args)
	}
	cmd.RunE = a.asking(func(q *question, args []string) error {
		shown, err := q.UserdbUnset(q.ctx, admin.UserdbUnset{Address: args[0], Keys: args[1:], All: all})
		return a.printUserdb(args[0], shown, err)
	})
	return cmd
}

// printUserdb prints the fields that an account has now, or why it is not known.
func (a *app) printUserdb(address string, shown admin.UserdbShown, err error) error {
	if err != nil {
		return about(address, err)
	}
	return record(a, shown, func(w io.Writer) {
		if len(shown.Fields) == 0 {
			fmt.Fprintf(w, "%s has no userdb fields of its own\n", printable(address))
			return
		}
		for _, f := range shown.Fields {
			fmt.Fprintf(w, "%s=%s\n", printable(f.Key), printable(f.Value))
		}
	})
}
