package cli

import "github.com/spf13/cobra"

func (a *app) phone() *cobra.Command {
	return group("phone", "bind, show, reset and unbind the phone of an account",
		a.phoneBind(),
		a.phoneExpect(),
		a.phoneShow(),
		a.phoneReset(),
		a.phoneUnbind(),
	)
}
