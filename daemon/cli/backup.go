package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

// backedUp is the record of backup.
type backedUp struct {
	File string `json:"file"`
	admin.BackupMade
}

func (a *app) backup() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "copy the database, also while the daemon runs",
		Long: `Copy the database to FILE, or to standard output if it is "-". The daemon may run:
the copy is of one moment, with everything in it that was acknowledged before.

It is made in data_dir first, where there has to be room for it, and every page
and record of it is read; if one is damaged, there is no backup. FILE appears
whole or not at all, with mode 0600.

The copy is useless without the key, which is not in it: keep one of that
elsewhere (latchkey key export).`,
		Example: `  latchkey backup /var/backups/latchkey-$(date +%F).db
  latchkey backup - | age -r RECIPIENT >latchkey.db.age`,
		Args: takes("FILE"),
	}
	cmd.Flags().BoolVar(&force, "force", false, "write over FILE if it exists")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		if args[0] == "-" {
			return a.backupToOutput(ctx, cfg)
		}
		return a.backupToFile(ctx, cfg, args[0], force)
	}
	return cmd
}

func (a *app) backupToFile(ctx context.Context, cfg *config.Config, path string, force bool) error {
	file, err := createBeside(cfg, path, force)
	if err != nil {
		return err
	}
	defer file.discard()
	made, err := a.fetchBackup(ctx, cfg, file)
	if err == nil {
		err = file.commit()
	}
	if err != nil {
		return err
	}
	return record(a, backedUp{path, made}, func(w io.Writer) { printBackup(w, path, made) })
}

// backupToOutput leaves standard output to the copy.
func (a *app) backupToOutput(ctx context.Context, cfg *config.Config) error {
	if a.terminal() {
		return &failure{status: exitUsage, sentence: "a backup is nothing for a terminal", hint: "name a file, or send it to a program: latchkey backup - | …"}
	}
	made, err := a.fetchBackup(ctx, cfg, a.out)
	if err == nil {
		printBackup(a.err, "standard output", made)
	}
	return err
}

func (a *app) fetchBackup(ctx context.Context, cfg *config.Config, to io.Writer) (admin.BackupMade, error) {
	client, closeClient, err := a.connectBorrowing(cfg)
	if err != nil {
		return admin.BackupMade{}, err
	}
	m := a.meter()
	made, err := client.Backup(ctx, to, m.show)
	m.clear()
	err = errors.Join(err, closeClient())
	if err != nil && ctx.Err() != nil {
		return made, &failure{status: exitFailed, sentence: "interrupted; no backup was made", cause: err}
	}
	return made, err
}

func printBackup(w io.Writer, path string, made admin.BackupMade) {
	fmt.Fprintf(w, "%s: %s, %s bytes\n", printable(path), counted(made.Accounts, "account", "accounts"), grouped(int(made.Size)))
	fmt.Fprintf(w, "Every page and all %s records of it were read and are good.\n", grouped(made.Records))
	fmt.Fprintf(w, "It is useless without the key %s, which is not in it: latchkey key export.\n", printable(made.Key))
}
