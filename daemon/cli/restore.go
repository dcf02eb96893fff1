package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// restoreFlags are the flags of restore.
type restoreFlags struct {
	dryRun   bool
	undelete []string
}

func (a *app) restore() *cobra.Command {
	var flags restoreFlags
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "put a backup in the place of the database",
		Long: `Put a backup in the place of the database. The daemon has to be stopped. The key in
data_dir has to be the one that the backup was made with. Every page and record
of the backup is read first; a damaged one is refused, an older one migrated.

What was comes back, and what closed a door since then stays closed, as far as
the database that is there can be read: accounts that were deleted or disabled,
main passwords that were changed, phones that were bound or changed, app
passwords that ended, exceptions that ended, expected phones, recovery codes,
aliases that were removed. An account that is missing from a damaged database may
not have been deleted: it comes back, and is listed, unless --undelete names it.
Sessions at the portal, trust in browsers and codes that are waited for end.
What was added or opened since then is lost, and listed.

The old database stays beside the new one, with the time in its name. A crash
leaves either the old or the new one, whole. --dry-run says what would be done.`,
		Example: `  latchkey restore --dry-run /var/backups/latchkey-2027-01-31.db
  latchkey restore /var/backups/latchkey-2027-01-31.db --undelete alice@example.org`,
		Args: takes("FILE"),
	}
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "say what would be done, and change nothing")
	cmd.Flags().StringSliceVar(&flags.undelete, "undelete", nil, "bring back an account `ADDRESS` that was deleted since, disabled")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		done, err := a.runRestore(ctx, cfg, args[0], flags)
		if err != nil {
			return explainRestore(cfg, args[0], err)
		}
		return record(a, done, func(w io.Writer) { a.printRestored(w, done) })
	}
	return cmd
}

func (a *app) runRestore(ctx context.Context, cfg *config.Config, path string, flags restoreFlags) (*daemon.Restored, error) {
	who := self()
	socket := cfg.SocketPaths().Admin
	if err := daemonStopped(socket, "stop it, restore, and start it again"); err != nil {
		return nil, err
	}
	backup, err := os.Open(path) // as whoever we are: it may be root's
	if err != nil {
		return nil, &failure{status: exitFailed, sentence: err.Error(), cause: err}
	}
	defer backup.Close()
	if info, err := backup.Stat(); err == nil && inUse(cfg, info) {
		return nil, &failure{status: exitFailed, sentence: path + " is what the daemon itself works with", hint: "name a backup"}
	}
	if err := ownFolder(cfg, socket); err != nil {
		return nil, err
	}
	m := a.meter()
	defer m.clear()
	r := &daemon.Restore{Folder: cfg.DataDir, Backup: backup, Actor: who, DryRun: flags.dryRun, Now: a.now(), Progress: m.show}
	for _, typed := range flags.undelete {
		name, err := sasl.PrepareName(typed, cfg.Auth.DefaultDomain)
		if err != nil {
			return nil, &failure{status: exitUsage, sentence: "no account can have the address " + printable(typed), cause: err}
		}
		r.Undelete = append(r.Undelete, name)
	}
	return r.Run(ctx)
}

// daemonStopped makes sure that no daemon answers.
func daemonStopped(socket, hint string) error {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return nil // the database's lock has the last word
	}
	_ = c.Close()
	return &failure{status: exitUnavailable, sentence: "a daemon runs on " + socket + " and has the database open", hint: hint}
}

// explainRestore is for what keeps a backup from being restored. Nothing was
// changed then.
func explainRestore(cfg *config.Config, path string, err error) error {
	var own *failure
	var noKey *daemon.NoKeyError
	var wrongKey *store.WrongKeyError
	var bad *daemon.BadBackupError
	var notDeleted *daemon.NotDeletedError
	refused := func(sentence, hint string) error {
		return &failure{status: exitFailed, sentence: sentence, hint: hint, cause: err}
	}
	key := cfg.DataDir + "/" + daemon.KeyFile
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &noKey):
		return refused("the backup needs the key "+cmp.Or(printable(noKey.Needs), "that it was made with")+", and there is no "+key,
			"put there what latchkey key export wrote, with mode 0600 and the owner of "+cfg.DataDir)
	case errors.As(err, &wrongKey):
		return refused(fmt.Sprintf("the backup needs the key %s, and the key file holds %s", wrongKey.Database, wrongKey.KeyFile),
			"put the key "+wrongKey.Database+" in the place of "+key+", or restore another backup")
	case errors.As(err, &bad):
		return refused(fmt.Sprintf("the backup is damaged: %s, %s with its pages", counted(bad.Records.Damaged, "record", "records"),
			counted(bad.Pages.Damaged, "problem", "problems")), "latchkey check "+printable(path)+" names them; take an earlier backup")
	case errors.Is(err, store.ErrNewerSchema):
		return refused("the backup was made by a newer latchkey", "install that one, and restore with it")
	case errors.As(err, &notDeleted):
		return refused(printable(notDeleted.Address)+" is not an account that was deleted after the backup", "--dry-run lists them")
	case errors.Is(err, kv.ErrLocked):
		return &failure{status: exitUnavailable, sentence: "the database in " + cfg.DataDir + " is in use",
			hint: "stop the daemon, or wait for the other command to end", cause: err}
	case errors.Is(err, secret.ErrKeyMalformed), errors.Is(err, secret.ErrKeyPermissions), errors.Is(err, fs.ErrPermission):
		return explainOpen(cfg.DataDir, cfg.SocketPaths().Admin, err)
	case errors.Is(err, context.Canceled):
		return refused("interrupted; nothing was changed", "")
	}
	return err
}

// restoredWords says what a restore did, in words.
func restoredWords(t daemon.What) string {
	switch t {
	case daemon.KeptDeleted:
		return "deleted after the backup, stays deleted"
	case daemon.KeptUndeleted:
		return "named by --undelete, comes back disabled"
	case daemon.KeptAliasGone:
		return "alias removed or given to another after the backup, stays so"
	case daemon.LostAlias:
		return "alias made after the backup, is lost: mail for it bounces until it is made again"
	case daemon.LostUserdb:
		return "own userdb fields set after the backup, are lost: they are as in the backup"
	case daemon.KeptDisabled:
		return "disabled after the backup, stays disabled"
	case daemon.KeptPassword:
		return "main password changed after the backup, stays the present one"
	case daemon.KeptPhone:
		return "phone bound or changed after the backup, stays bound"
	case daemon.KeptAppPassword:
		return "app password ended after the backup, stays ended"
	case daemon.KeptException:
		return "exception ended or shortened after the backup, stays so"
	case daemon.KeptExpected:
		return "expected phone named after the backup, stays"
	case daemon.KeptRecoveryCodes:
		return "recovery codes stay as they are at present, or end where they cannot be read"
	case daemon.KeptCodesClosed:
		return "SMS codes closed by wrong ones, stay closed"
	case daemon.KeptEnforcement:
		return "two-step verification is required already, stays so"
	case daemon.LostAccount:
		return "account made after the backup, is lost: mail for it bounces until it is made again"
	case daemon.LostEnabled:
		return "account enabled after the backup, is disabled again"
	case daemon.LostUnbound:
		return "phone unbound after the backup, is bound again"
	case daemon.LostAppPassword:
		return "app password made after the backup, is lost"
	case daemon.LostException:
		return "exception made or prolonged after the backup, is lost"
	case daemon.UnknownAccount:
		return "cannot all be read in the present database, or is missing from it: the rest is as in the backup, and may open what was closed since"
	}
	return string(t)
}

func (a *app) printRestored(w io.Writer, done *daemon.Restored) {
	if done.DryRun {
		fmt.Fprintln(w, "Nothing was changed. This is what would be done:")
	}
	fmt.Fprintf(w, "restored: %s, key %s\n", counted(done.Accounts, "account", "accounts"), done.Key)
	fmt.Fprintf(w, "ended: %s, trust in %s, %s that were waited for\n", counted(done.Sessions, "session", "sessions"),
		counted(done.Trusts, "browser", "browsers"), counted(done.Codes, "code", "codes"))
	if done.Rehashed > 0 {
		fmt.Fprintf(w, "%s hashed anew after the backup, by being used or changed: the present ones stay\n", counted(done.Rehashed, "main password was", "main passwords were"))
	}
	printRestoredList(w, done.Again)
	printRestoredList(w, done.Lost)
	printRestoredList(w, done.Unknown)
	switch done.Present {
	case daemon.PresentRead:
	case daemon.PresentInPart:
		fmt.Fprintln(w, "The database that was there is damaged: what was closed since the backup is closed again only where it could be read.")
	default:
		fmt.Fprintf(w, "Nobody can tell what was closed since the backup: the database that was there could not be read (%s).\n", printable(done.Why))
		fmt.Fprintln(w, "App passwords that were revoked, accounts that were disabled or deleted, and main passwords that were changed since then\n"+
			"open their doors again, and phones that were bound since then are not. Close them again before the daemon starts.")
	}
	if done.Kept != "" {
		fmt.Fprintf(w, "The old database is %s; remove it when you do not need it any more.\n", done.Kept)
	}
}

func printRestoredList(w io.Writer, l daemon.RestoredList) {
	for _, t := range l.List {
		fmt.Fprintln(w, strings.TrimPrefix(strings.TrimRight(printable(t.Address)+" "+printable(t.ID), " ")+": ", ": ")+restoredWords(t.What))
	}
}
