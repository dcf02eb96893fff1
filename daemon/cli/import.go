package cli

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/accountfile"
	"github.com/latchkey-mail/latchkey/sasl"
)

const importLong = `Add the accounts of a file that another system kept: a Dovecot passwd-file, CSV
with a line of headers, or JSON with one object on each line. "-" is standard
input. The columns are

  user      (or address) the address
  password  stored, with its scheme: {SSHA}…, $6$…; in the clear: {PLAIN}…
            empty: no main password, only app passwords open the account
  uid, gid, home, userdb_…
            the account's own userdb fields
  phone     the only number that may be bound (CSV and JSON)
  aliases   other names of the account, with blanks between them (CSV and JSON)
  disabled  yes or no (CSV and JSON; nologin in a passwd-file)

and gecos and shell, which are not kept. A line with anything else that would be
lost is refused.

The whole file is checked first. If a line is refused, its number and the cause are
printed and nothing is imported; --skip-bad imports the others. An address that is
an account already is left as it is, so an import that was interrupted is done by
the same command again.

Stored passwords are kept as they are until they are next used, and then replaced
by argon2id. Those in the clear are hashed now, which takes about 50 ms each on one
processor.`

// importRecord is the record of import.
type importRecord struct {
	Lines    int  `json:"lines"`
	Added    int  `json:"added"`    // in a dry run: would be
	Existing int  `json:"existing"` // there already, and left as they are
	Hashed   int  `json:"hashed"`   // of those added: came in the clear
	Refused  int  `json:"refused"`
	DryRun   bool `json:"dry_run,omitempty"`
}

// importFlags are how a file is to be read.
type importFlags struct {
	format, scheme, domain *flagText
	dryRun, skipBad        bool
	report                 string
}

func (a *app) importAccounts() *cobra.Command {
	f := importFlags{
		format: formatFlag(accountfile.Passwd, accountfile.CSV, accountfile.JSON),
		scheme: &flagText{kind: "SCHEME", check: checkScheme},
		domain: &flagText{kind: "DOMAIN", check: checkDomain},
	}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "add the accounts of another system",
		Long:  importLong,
		Example: `  latchkey import /etc/dovecot/users --dry-run
  latchkey import people.csv --format csv --default-domain example.org --report refused.txt`,
		Args: takes("FILE"),
	}
	cmd.Flags().Var(f.format, "format", "how the file is written: passwd, csv or json")
	cmd.Flags().Var(f.domain, "default-domain", "of names without one; else [auth] default_domain")
	cmd.Flags().Var(f.scheme, "default-scheme", "of stored passwords that name none; else CRYPT")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only check the file, and say what would be done")
	cmd.Flags().BoolVar(&f.skipBad, "skip-bad", false, "import the other lines where some are refused")
	cmd.Flags().StringVar(&f.report, "report", "", "write the refused lines to this `FILE`, which may not exist yet: number, TAB, cause")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		// Both files are opened before this process becomes the owner of the data folder.
		in, size, err := a.importFile(args[0])
		if err != nil {
			return err
		}
		defer in.Close()
		im := &importing{app: a, flags: f, in: in, size: size}
		if f.report != "" {
			if im.report, err = os.OpenFile(f.report, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
				return &failure{status: exitFailed, sentence: "the report cannot be written: " + err.Error(), cause: err}
			}
			defer im.report.Close()
		}
		debug.SetMemoryLimit(importMemory)
		return a.asking(im.run)(cmd, args)
	}
	return cmd
}

// importFile opens what is to be imported, to be read twice. What cannot be, as
// standard input, is copied to a file that nobody else reads and that has no name.
func (a *app) importFile(name string) (*os.File, int64, error) {
	in := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, 0, &failure{status: exitFailed, sentence: err.Error(), cause: err}
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return f, info.Size(), nil
		}
		defer f.Close()
		in = f
	}
	spool, err := os.CreateTemp("", "latchkey-import-") // 0600
	if err != nil {
		return nil, 0, fmt.Errorf("copying the input: %w", err)
	}
	if err := os.Remove(spool.Name()); err != nil {
		spool.Close()
		return nil, 0, fmt.Errorf("copying the input: %w", err)
	}
	size, err := io.Copy(spool, in)
	if err != nil {
		spool.Close()
		return nil, 0, fmt.Errorf("copying the input: %w", err)
	}
	return spool, size, nil
}

// run checks the file and imports it.
func (im *importing) run(q *question, _ []string) error {
	cfg, err := im.app.config()
	if err != nil {
		return err
	}
	if im.domain = im.flags.domain.text; im.domain == "" {
		im.domain = cfg.Auth.DefaultDomain
	}
	checked, err := im.pass(q, true)
	if err != nil {
		return err
	}
	im.tellMore(checked.Refused)
	if im.flags.dryRun {
		if err := im.print(checked); err != nil {
			return err
		}
		return refusedLines(checked, "")
	}
	if checked.Refused > 0 && !im.flags.skipBad {
		return refusedLines(checked, "nothing was imported; mend them, or import the others with --skip-bad")
	}
	if n := checked.Hashed; n > 0 {
		fmt.Fprintf(im.app.err, "latchkey: %s in the clear to be hashed: about %s\n", counted(n, "password", "passwords"), roughly(time.Duration(n)*usualHash))
	}
	done, err := im.pass(q, false)
	if err != nil {
		return err
	}
	if err := im.print(done); err != nil {
		return err
	}
	return refusedLines(done, "the others are there now")
}

// importMemory is where collecting garbage becomes more important than speed. A
// page of addresses in no order touches 15,000 pages of a large database, and
// without a limit as much again would wait to be collected.
const importMemory = 192 << 20

// usualHash is what a new hash takes on one processor.
const usualHash = 50 * time.Millisecond

func refusedLines(r importRecord, hint string) error {
	if r.Refused == 0 {
		return nil
	}
	return &failure{status: exitFailed, sentence: counted(r.Refused, "line is", "lines are") + " refused", hint: hint}
}

func (im *importing) print(r importRecord) error {
	return record(im.app, r, func(w io.Writer) {
		added := "added"
		if r.DryRun {
			added = "would be added"
		}
		fmt.Fprintf(w, "%s: %s %s, %s there already\n", counted(r.Lines, "account", "accounts"), grouped(r.Added), added, grouped(r.Existing))
		if r.Hashed > 0 && r.DryRun {
			fmt.Fprintf(w, "%s in the clear to be hashed: about %s\n", counted(r.Hashed, "password", "passwords"), roughly(time.Duration(r.Hashed)*usualHash))
		} else if r.Hashed > 0 {
			fmt.Fprintf(w, "%s in the clear hashed\n", counted(r.Hashed, "password", "passwords"))
		}
	})
}

// roughly is a time for people, of two figures or so.
func roughly(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h", d/time.Hour)
}

// formatFlag reads the name of a format; the first is the default.
func formatFlag(formats ...accountfile.Format) *flagText {
	var names []string
	for _, f := range formats {
		names = append(names, string(f))
	}
	return &flagText{text: names[0], kind: "FORMAT", check: func(s string) error {
		for _, name := range names {
			if s == name {
				return nil
			}
		}
		return fmt.Errorf("wants %s", strings.Join(names, " or "))
	}}
}

func checkScheme(s string) error {
	if s == "" || strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != "" {
		return fmt.Errorf("wants the name of a scheme, such as CRYPT or PLAIN")
	}
	return nil
}

func checkDomain(s string) error {
	if _, err := sasl.PrepareDomain(s); err != nil {
		return fmt.Errorf("wants a domain, such as example.org")
	}
	return nil
}
