package cli

import "github.com/spf13/cobra"

func (a *app) account() *cobra.Command {
	return group("account", "add, show and change accounts",
		a.accountAdd(),
		a.accountList(),
		a.accountShow(),
		a.accountSetPassword(),
		a.accountDisable(),
		a.accountEnable(),
		a.accountExempt(),
		a.accountUnexempt(),
		a.accountUserdb(),
		a.accountDelete(),
		a.accountAlias(),
	)
}
