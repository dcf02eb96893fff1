package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/bench"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

func (a *app) bench() *cobra.Command {
	connections, inFlight := countFlag(16), countFlag(1)
	duration, logins := spanFlag(""), countFlag(1)
	logins.text = ""
	var o bench.Options
	var accounts string
	cmd := &cobra.Command{
		Use:   "bench --socket PATH --accounts FILE",
		Short: "measure how fast logins are answered",
		Long: `Put a load of logins on a Dovecot auth socket, of this daemon or of Dovecot's own
auth service, and print how fast they were answered. Each connection keeps so
many logins in flight and starts the next when one is answered, until the time
is over or all logins are done.

The logins are real: failed ones are recorded and delayed like any other, and
"undecided" counts those that the server could not decide (temp_fail).
FILE has an address and its secret on each line, with a tab or a colon between.
By SCRAM-SHA-256 each account's keys are derived before the clock starts.`,
		Example: `  latchkey bench --socket /run/latchkey/auth-client --accounts FILE
  latchkey bench --socket /run/dovecot/auth-client --accounts FILE --connections 4 --inflight 32 --json`,
		Args: takes(),
	}
	cmd.Flags().StringVar(&o.Socket, "socket", "", "unix socket `PATH` of the server")
	cmd.Flags().StringVar(&accounts, "accounts", "", "`FILE` with the accounts that log in")
	cmd.Flags().Var(connections, "connections", "connections to the server")
	cmd.Flags().Var(inFlight, "inflight", "logins in flight on each connection")
	cmd.Flags().Var(duration, "duration", "no login starts later (default 10s, or 1h with --logins)")
	cmd.Flags().Var(logins, "logins", "stop after so many")
	cmd.Flags().StringVar(&o.Service, "service", "imap", "`NAME` of the mail service")
	cmd.Flags().StringVar(&o.Mechanism, "mechanism", "PLAIN", "`NAME` of the mechanism: PLAIN, LOGIN or SCRAM-SHA-256")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.Socket == "" || accounts == "" {
			return usage(cmd, "--socket and --accounts are needed")
		}
		o.Mechanism = strings.ToUpper(o.Mechanism)
		err := errors.Join(
			number(connections, &o.Connections), number(inFlight, &o.InFlight), number(logins, &o.Logins),
			span(duration, &o.Duration))
		if err != nil {
			return usage(cmd, err.Error())
		}
		if o.Duration == 0 && o.Logins == 0 {
			o.Duration = benchFor
		}
		return a.runBench(cmd, &o, accounts)
	}
	return cmd
}

// benchFor is how long a load lasts that nobody has bounded.
const benchFor = 10 * time.Second

// number reads a countFlag; an empty one leaves n as it is.
func number[N int | int64](f *flagText, n *N) error {
	if f.text == "" {
		return nil
	}
	read, err := strconv.Atoi(f.text)
	*n = N(read)
	return err
}

// span reads a spanFlag; an empty one leaves d as it is.
func span(f *flagText, d *time.Duration) error {
	if f.text == "" {
		return nil
	}
	read, err := config.ParseDuration(f.text)
	*d = time.Duration(read)
	return err
}

// runBench reads the accounts, measures and prints.
func (a *app) runBench(cmd *cobra.Command, o *bench.Options, accounts string) error {
	file, err := os.Open(accounts)
	if err != nil {
		return err
	}
	o.Accounts, err = bench.ReadAccounts(file)
	file.Close() // only read from
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	r, err := bench.Run(ctx, *o)
	switch {
	case errors.Is(err, bench.ErrOptions):
		return usage(cmd, err.Error())
	case errors.Is(err, context.Canceled) && r != nil: // by a signal: what was measured until then is worth seeing
	case err != nil:
		return &failure{status: exitUnavailable, sentence: err.Error(), cause: err}
	}
	return record(a, r, func(w io.Writer) {
		_ = r.WriteText(w) // standard output is gone: nobody is left to tell
	})
}
