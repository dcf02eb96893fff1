package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

// exportedKey is the record of key export: never the key.
type exportedKey struct {
	File string `json:"file"`
	ID   string `json:"id"`
}

func (a *app) keyExport() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "copy the key file, to keep it safe",
		Long: `Copy the key file to FILE, with mode 0600, or to standard output if it is "-".
Without the key, the database and every backup of it are useless; with the key,
they are not. So keep it apart from the backups. It leaves an event.

To use it again, put it as latchkey.key into data_dir, with mode 0600 and the
daemon's user as its owner.`,
		Args: takes("FILE"),
	}
	cmd.Flags().BoolVar(&force, "force", false, `write over FILE if it exists; show the key on a terminal if it is "-"`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		if args[0] != "-" {
			return a.exportKeyToFile(cmd, cfg, args[0], force)
		}
		if a.terminal() && !force {
			return &failure{status: exitUsage, sentence: "a key is nothing for a terminal", hint: "name a file, or ask for it with --force"}
		}
		key, err := a.fetchKey(cmd, cfg)
		if err != nil {
			return err
		}
		_, err = io.WriteString(a.out, key.File.Reveal())
		fmt.Fprintln(a.err, "key", printable(key.ID))
		return err
	}
	return cmd
}

func (a *app) exportKeyToFile(cmd *cobra.Command, cfg *config.Config, path string, force bool) error {
	file, err := createBeside(cfg, path, force)
	if err != nil {
		return err
	}
	defer file.discard()
	key, err := a.fetchKey(cmd, cfg)
	if err == nil {
		_, err = file.WriteString(key.File.Reveal())
	}
	if err == nil {
		err = file.commit()
	}
	if err != nil {
		return err
	}
	return record(a, exportedKey{path, key.ID}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: key %s; keep it apart from the backups\n", printable(path), printable(key.ID))
	})
}

func (a *app) fetchKey(cmd *cobra.Command, cfg *config.Config) (admin.KeyExported, error) {
	client, closeClient, err := a.connectBorrowing(cfg)
	if err != nil {
		return admin.KeyExported{}, err
	}
	key, err := client.KeyExport(cmd.Context())
	return key, errors.Join(err, closeClient())
}
