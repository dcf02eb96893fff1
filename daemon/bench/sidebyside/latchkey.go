package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	accountCount       = 1000
	appPasswordsOfEach = 3
	mainPassword       = "the main password, which nobody floods with"
	accountsPerUpdate  = 5000
)

// address has so many digits that a database's order is that of the numbers: it is
// filled from its one end to the other, which is what takes bbolt the least time.
func address(i int) string { return fmt.Sprintf("user%08d@example.org", i) }

// latchkeyFolder is a data folder, a configuration and the secrets in it.
type latchkeyFolder struct {
	config   string
	data     string
	run      string
	socket   string
	accounts []byte // lines for latchkey bench, one for each app password, or of contents.callers
	mainHash string
}

// contents are what a data folder is filled with.
type contents struct {
	accounts int
	scram    int                                                     // the first so many accounts have keys for SCRAM
	callers  int                                                     // so many accounts, spread over all, have a line for one app password; 0: all, for each
	settings string                                                  // in the configuration, beside the folders
	more     func(context.Context, *store.Store, *secret.Keys) error // puts in the rest; nil: there is none
}

// makeLatchkey fills a data folder with accounts that have a main password, no
// phone, and app passwords.
func makeLatchkey(ctx context.Context, dir string, c contents) (*latchkeyFolder, error) {
	data, run := filepath.Join(dir, "data"), filepath.Join(dir, "run")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	f := &latchkeyFolder{config: filepath.Join(dir, "latchkey.toml"), data: data, run: run, socket: filepath.Join(run, "auth-client")}
	if err := f.configure(f.config, c.settings); err != nil {
		return nil, err
	}
	hash, err := secret.Hash(rand.Reader, secret.New(mainPassword), secret.DefaultCost())
	if err != nil {
		return nil, err
	}
	f.mainHash = hash // the same one for all: each try costs its own hashing all the same
	keys, err := secret.OpenKeys(filepath.Join(data, daemon.KeyFile), false, rand.Reader)
	if err != nil {
		return nil, err
	}
	database := filepath.Join(data, daemon.DatabaseFile)
	engine, err := boltkv.Open(database, boltkv.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, engine, keys, store.Options{MigrateOK: true})
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	for i := 0; i < c.accounts && err == nil; i += accountsPerUpdate {
		err = f.fill(ctx, st, keys, i, min(i+accountsPerUpdate, c.accounts), c)
	}
	if err == nil && c.more != nil {
		err = c.more(ctx, st, keys)
	}
	if err := errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	return f, syncFile(database) // all at once, and not while something is measured
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// configure writes a configuration of the folder.
func (f *latchkeyFolder) configure(path, settings string) error {
	return os.WriteFile(path, fmt.Appendf(nil, "data_dir = %q\nrun_dir = %q\n%s", f.data, f.run, settings), 0o600)
}

// fill makes the accounts from first up to last, without it.
func (f *latchkeyFolder) fill(ctx context.Context, st *store.Store, keys *secret.Keys, first, last int, c contents) error {
	var lines []byte
	err := st.Update(ctx, func(w *store.Writer) error {
		lines = nil
		for i := first; i < last; i++ {
			account, err := w.CreateAccount(address(i), f.mainHash)
			if err != nil {
				return err
			}
			var added [appPasswordsOfEach][16]byte
			for n := range added {
				if added[n], err = addAppPassword(w, keys, account, n); err != nil {
					return err
				}
				if c.calls(i, n) {
					lines = fmt.Appendf(lines, "%s\t%s\n", account.Address, added[n])
				}
			}
			if err := w.PutAccount(account); err != nil {
				return err
			}
			if i >= c.scram {
				continue
			}
			if err := putSCRAMKeys(w, keys, account, added[:]); err != nil {
				return err
			}
		}
		return nil
	})
	f.accounts = append(f.accounts, lines...)
	return err
}

// calls says whether an account's nth app password has a line.
func (c *contents) calls(account, nth int) bool {
	if c.callers == 0 {
		return true
	}
	every := max(1, c.accounts/c.callers)
	return account%every == 0 && nth == account/every%appPasswordsOfEach
}

// addAppPassword makes one; its row in account is still to be put.
func addAppPassword(w *store.Writer, keys *secret.Keys, account *store.Account, n int) ([16]byte, error) {
	letters, err := secret.NewAppPassword(rand.Reader)
	if err != nil {
		return letters, err
	}
	id, err := store.NewAppPasswordID(rand.Reader)
	if err != nil {
		return letters, err
	}
	account.AppPasswords = append(account.AppPasswords, store.AppPasswordRow{
		ID: id, Tag: keys.AppPasswordTag(account.ID, letters), Scopes: store.ScopeAll, State: store.Live,
	})
	return letters, w.PutAppPassword(account.ID, store.AppPassword{
		ID: id, Name: fmt.Sprintf("device %d", n+1), Made: time.Now(), MadeBy: "bench", Scopes: store.ScopeAll, State: store.Live,
	})
}

// putSCRAMKeys puts the keys of an account's app passwords, for both forms in which
// a person may type them, as accounts.Service makes them.
func putSCRAMKeys(w *store.Writer, keys *secret.Keys, account *store.Account, letters [][16]byte) error {
	salt := keys.SCRAMSalt(account.Address)
	all := store.SCRAMKeys{Salt: salt[:], Iterations: sasl.SCRAMIterations}
	for n, row := range account.AppPasswords {
		var both []byte
		for _, form := range [...]string{string(letters[n][:]), secret.GroupAppPassword(letters[n])} {
			key, err := sasl.DeriveSCRAM(form, salt[:], sasl.SCRAMIterations)
			if err != nil {
				return err
			}
			both = append(both, key[:]...)
		}
		all.Rows = append(all.Rows, store.SCRAMRow{ID: row.ID, Keys: both})
	}
	return w.PutSCRAMKeys(account.ID, all)
}
