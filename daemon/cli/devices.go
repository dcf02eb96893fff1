package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

func (a *app) devices() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devices ADDRESS [list | untrust ID | delete ID]",
		Short: "list, stop trusting and delete the devices of an account",
		Long: `List the browsers that signed in at the portal, and the mail programs that logged
in or were refused during the last 7 days. The helpdesk ([admin] group) may do
all this.

  untrust ID   the browser is asked for an SMS code at its next sign-in
  delete ID    that, and it is signed out and no longer listed

A mail program goes with its app password: latchkey app-password revoke.`,
		Example: `  latchkey devices alice@example.org
  latchkey devices alice@example.org untrust 0123456789abcdef`,
	}
	list := behind{verb: "list", run: a.devicesList}
	return a.behindAddress(cmd, &list, list,
		behind{verb: "untrust", takes: []string{"ID"}, run: func(q *question, args []string) error {
			return a.device(args, "no longer trusted", func(ask admin.DeviceQuestion) error { return q.DeviceUntrust(q.ctx, ask) })
		}},
		behind{verb: "delete", takes: []string{"ID"}, run: func(q *question, args []string) error {
			return a.device(args, "deleted", func(ask admin.DeviceQuestion) error { return q.DeviceDelete(q.ctx, ask) })
		}},
	)
}

// deviceResult is the record of untrust and delete.
type deviceResult struct {
	Address string         `json:"address"`
	Device  store.DeviceID `json:"device"`
	Result  string         `json:"result"` // "no longer trusted", "deleted"
}

// device does something to one browser.
func (a *app) device(args []string, is string, do func(admin.DeviceQuestion) error) error {
	id, err := store.ParseDeviceID(args[1])
	if err != nil {
		return &failure{status: exitUsage, sentence: "an ID is 16 digits from 0-9 and a-f",
			hint: "list them: latchkey devices " + printable(args[0])}
	}
	if err := do(admin.DeviceQuestion{Address: args[0], ID: id}); err != nil {
		return about(args[0], err)
	}
	return record(a, deviceResult{args[0], id, is}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: browser %s %s\n", printable(args[0]), id, is)
	})
}
