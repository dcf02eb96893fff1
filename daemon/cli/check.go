package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// checkup is the record of check.
type checkup struct {
	File           string                   `json:"file"`
	OK             bool                     `json:"ok"`
	Pages          boltkv.Pages             `json:"pages"`
	Records        map[store.RecordKind]int `json:"records"` // good and damaged
	DamagedRecords int                      `json:"damaged_records"`
	Damaged        []store.DamagedRecord    `json:"damaged"` // the first 1,000
}

func (a *app) check() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "look for damage in the database or in a backup",
		Long: `Read the whole database and name what is damaged: first the pages of the file,
then every record. Nothing is changed. The daemon has to be stopped meanwhile.

With FILE, read a backup instead, with the key in data_dir; the daemon may run.

The exit status is 1 if anything is damaged. A damaged record concerns its own
account only: all others work.`,
		Args: mayTake("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			c, err := a.checkFile(cmd.Context(), cfg, strings.Join(args, ""))
			if err != nil {
				return err
			}
			if err := record(a, c, func(w io.Writer) { a.printCheckup(w, c) }); err != nil || c.OK {
				return err
			}
			if len(args) > 0 {
				return &failure{status: exitFailed, sentence: "the backup " + printable(c.File) + " is damaged", hint: "take another one"}
			}
			return &failure{status: exitFailed, sentence: "the database " + c.File + " is damaged",
				hint: "keep a copy of it as it is; then put " + daemon.DatabaseFile + " and " + daemon.KeyFile + " back from a backup"}
		},
	}
}

// openToCheck opens a backup as whoever asks, whose it may be, or the database as
// its owner.
func openToCheck(cfg *config.Config, backup, socket string) (*os.File, error) {
	if backup != "" {
		file, err := os.Open(backup)
		if err != nil {
			return nil, &failure{status: exitFailed, sentence: err.Error(), cause: err}
		}
		if err := ownFolder(cfg, socket); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return file, nil
	}
	if err := daemonStopped(socket, "stop it, check, and start it again"); err != nil {
		return nil, err
	}
	if err := ownFolder(cfg, socket); err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.DataDir, daemon.DatabaseFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{status: exitUnavailable, sentence: "there is no database " + path,
			hint: "the daemon makes one when it first starts; if there was one, restore it from a backup", cause: err}
	} else if err != nil {
		return nil, explainOpen(cfg.DataDir, socket, err)
	}
	return file, nil
}

// checkFile checks a backup, or the database if backup is "".
func (a *app) checkFile(ctx context.Context, cfg *config.Config, backup string) (*checkup, error) {
	socket := cfg.SocketPaths().Admin
	file, err := openToCheck(cfg, backup, socket)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	keys, err := secret.OpenKeys(filepath.Join(cfg.DataDir, daemon.KeyFile), true, rand.Reader)
	if errors.Is(err, secret.ErrKeyMissing) {
		return nil, &failure{status: exitUnavailable, sentence: "the key file of the database in " + cfg.DataDir + " is missing",
			hint: "restore it from a backup; if systemd gives it to the daemon, name the folder with it in CREDENTIALS_DIRECTORY", cause: err}
	} else if err != nil {
		return nil, explainOpen(cfg.DataDir, socket, err)
	}
	var pages boltkv.Pages
	var unread error
	m := a.meter()
	defer m.clear()
	records, accounts := 0, 0
	checked, err := store.Check(keys, func(record func(key, value []byte)) {
		pages, unread = boltkv.CheckFile(ctx, file, func(key, value []byte) {
			records++
			if store.KindOf(key) == store.RecordAccount {
				accounts++
			}
			record(key, value)
		}, func(done, of int64) {
			m.show(admin.BackupProgress{Stage: fmt.Sprintf("%s records, %s", grouped(records), counted(accounts, "account", "accounts")), Done: done, Of: of})
		})
	})
	if err = cmp.Or(unread, err); err != nil {
		if backup != "" {
			return nil, explainRestore(cfg, backup, err)
		}
		return nil, explainOpen(cfg.DataDir, socket, err)
	}
	return &checkup{File: file.Name(), OK: pages.Damaged+checked.Damaged == 0, Pages: pages, Records: checked.Records,
		DamagedRecords: checked.Damaged, Damaged: checked.List}, nil
}

func (a *app) printCheckup(w io.Writer, c *checkup) {
	fmt.Fprintf(w, "%s: %s\n", c.File, counted(int(c.Pages.Pages), "page", "pages"))
	for _, kind := range store.RecordKinds() {
		if n := c.Records[kind]; n > 0 || kind == store.RecordAccount {
			fmt.Fprintf(w, "  %-15s %9s\n", strings.ReplaceAll(string(kind), "-", " ")+"s", grouped(n))
		}
	}
	for _, problem := range c.Pages.Problems {
		fmt.Fprintln(w, "damaged:", problem)
	}
	for _, r := range c.Damaged {
		fmt.Fprintln(w, "damaged:", a.damagedRecord(r))
	}
	if more := c.Pages.Damaged - len(c.Pages.Problems) + c.DamagedRecords - len(c.Damaged); more > 0 {
		fmt.Fprintf(w, "damaged: and %s more\n", grouped(more))
	}
	switch {
	case c.OK:
		fmt.Fprintln(w, "good")
	case c.Pages.Damaged == 0:
		fmt.Fprintf(w, "%s damaged\n", counted(c.DamagedRecords, "record", "records"))
	default:
		fmt.Fprintf(w, "%s damaged, and %s with the file's pages\n", counted(c.DamagedRecords, "record", "records"),
			counted(c.Pages.Damaged, "problem", "problems"))
	}
}

// damagedRecord names a record: "app password 0123… of account 4567…".
func (a *app) damagedRecord(r store.DamagedRecord) string {
	text := strings.ReplaceAll(string(r.Kind), "-", " ")
	for _, part := range []string{printable(r.Address), r.ID} {
		if part != "" {
			text += " " + part
		}
	}
	if !r.AccountID.IsZero() {
		text += " of account " + r.AccountID.String()
	}
	if !r.Time.IsZero() {
		text += " of " + a.moment(r.Time)
	}
	if r.Missing {
		text += " is missing"
	}
	if r.Stale {
		text += " lists what is not there"
	}
	return text
}

// counted is plural with commas between thousands.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
