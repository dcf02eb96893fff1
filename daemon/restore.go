package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// restoringFile is the new database while it is being made. One that is there
// while nobody restores was left by a crash.
const restoringFile = DatabaseFile + ".restoring"

// BadBackupError says that a backup cannot be restored as it is damaged.
type BadBackupError struct {
	Pages   boltkv.Pages
	Records *store.Checked
}

// Error counts the damage.
func (e *BadBackupError) Error() string {
	return fmt.Sprintf("daemon: the backup is damaged: %d problems with its pages, %d records", e.Pages.Damaged, e.Records.Damaged)
}

// NoKeyError says that the key file is missing which a backup needs.
type NoKeyError struct {
	Needs string // id of the key; "" if the backup does not tell
	Err   error
}

// Error names the key.
func (e *NoKeyError) Error() string {
	return fmt.Sprintf("daemon: key %s is missing: %v", e.Needs, e.Err)
}

// Unwrap returns what secret.OpenKeys said.
func (e *NoKeyError) Unwrap() error { return e.Err }

// NotDeletedError says that Restore.Undelete names an account that is not one
// which was deleted after the backup.
type NotDeletedError struct{ Address string }

// Error names the account.
func (e *NotDeletedError) Error() string {
	return "daemon: " + e.Address + " is not an account of the backup that was deleted since"
}

// Restore is one run of `latchkey restore`. No daemon runs meanwhile: whoever
// opens the folder waits until it is over.
//
// The rule is that what was comes back, and what closed a door since then stays
// closed (restore_account.go). The new database is made beside the old one and
// takes its place by one rename(2), so that a crash leaves the one or the other
// whole; the old one stays under another name.
type Restore struct {
	Folder   string      // data_dir
	Backup   *os.File    // it is read from its beginning
	Actor    store.Actor // who does it
	Undelete []string    // prepared addresses of deleted accounts that are to come back, disabled
	DryRun   bool        // change nothing
	Now      time.Time   //
	Progress func(admin.BackupProgress)

	keys      *secret.Keys
	done      *Restored
	undeleted []string
}

// Run restores, or says what it would do.
func (r *Restore) Run(ctx context.Context) (*Restored, error) {
	r.done = newRestored(r.DryRun)
	unlock, err := lockFolder(r.Folder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	old, err := r.openPresent(ctx)
	if err != nil {
		return nil, err
	}
	defer old.close()
	path := filepath.Join(r.Folder, restoringFile)
	defer os.Remove(path) // unless it was renamed
	if err := r.prepare(ctx, path, old); err != nil {
		return nil, err
	}
	if r.DryRun {
		return r.done, nil
	}
	return r.done, r.swap(path, old)
}

// prepare makes the new database at path.
func (r *Restore) prepare(ctx context.Context, path string, old *present) error {
	if err := r.copyBackup(ctx, path); err != nil {
		return err
	}
	engine, err := boltkv.Open(path, boltkv.Options{NoSync: true}) // swap syncs, once
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, engine, r.keys, store.Options{Now: func() time.Time { return r.Now }, MigrateOK: true})
	if err != nil {
		return errors.Join(err, engine.Close())
	}
	if err := errors.Join(r.carryOver(ctx, st, old), st.Close()); err != nil {
		return err
	}
	for _, address := range r.Undelete {
		if !slices.Contains(r.undeleted, address) {
			return &NotDeletedError{address}
		}
	}
	return nil
}

// copyBackup copies the backup, with the key that it needs, and reads every page
// and record of the copy.
func (r *Restore) copyBackup(ctx context.Context, path string) error {
	info, err := r.Backup.Stat()
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("daemon: restore: %s is not a regular file", r.Backup.Name())
	}
	if r.keys, err = secret.OpenKeys(filepath.Join(r.Folder, KeyFile), true, rand.Reader); errors.Is(err, secret.ErrKeyMissing) {
		return &NoKeyError{backupKey(ctx, r.Backup), err}
	} else if err != nil {
		return err
	}
	if err := room(r.Folder, info.Size()); err != nil {
		return err
	}
	_ = os.Remove(path)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	defer file.Close()
	to := &countingWriter{w: file, each: func(n int64) { r.progress("copying", n, info.Size()) }}
	if _, err := io.Copy(to, io.NewSectionReader(r.Backup, 0, info.Size())); err != nil {
		return fmt.Errorf("daemon: restore: copying the backup: %w", err)
	}
	return r.checkBackup(ctx, file)
}

func (r *Restore) checkBackup(ctx context.Context, file *os.File) error {
	var pages boltkv.Pages
	var unread error
	checked, err := store.Check(r.keys, func(record func(key, value []byte)) {
		pages, unread = boltkv.CheckFile(ctx, file, record, func(done, of int64) { r.progress("checking", done, of) })
	})
	if err := errors.Join(unread, err); err != nil {
		return err
	}
	if pages.Damaged+checked.Damaged > 0 {
		return &BadBackupError{pages, checked}
	}
	r.done.Key, r.done.Accounts = r.keys.Generation(), checked.Records[store.RecordAccount]
	return nil
}

// backupKey is the id of the key that a backup needs, as far as it can be read.
func backupKey(ctx context.Context, file *os.File) string {
	return store.KeyID(func(record func(key, value []byte)) {
		_, _ = boltkv.CheckFile(ctx, file, record, nil)
	})
}

func (r *Restore) progress(stage string, done, of int64) {
	if r.Progress != nil {
		r.Progress(admin.BackupProgress{Stage: stage, Done: done, Of: of})
	}
}

// swap puts the new database in the old one's place.
func (r *Restore) swap(path string, old *present) error {
	err := syncFile(path)
	if err != nil {
		return err
	}
	r.progress("replacing", 0, 1)
	database := filepath.Join(r.Folder, DatabaseFile)
	if old.exists {
		if r.done.Kept, err = r.keep(database); err != nil {
			return fmt.Errorf("daemon: restore: keeping the old database: %w", err)
		}
	}
	r.progress("replacing", 0, 1)
	if err := os.Rename(path, database); err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	r.progress("replacing", 1, 1)
	return syncFile(r.Folder)
}

// keep gives the old database a second name, which stays.
func (r *Restore) keep(database string) (string, error) {
	name := database + ".before-restore-" + r.Now.UTC().Format("20060102-150405")
	kept := name
	for n := 2; ; n++ { // more than one in a second
		if err := os.Link(database, kept); n > 99 || !errors.Is(err, fs.ErrExist) {
			return kept, err
		}
		kept = fmt.Sprintf("%s-%d", name, n)
	}
}

// syncFile brings a file, or the names in a folder, to the disk.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	return nil
}

// present is the database that is to be replaced: what was closed is in it.
type present struct {
	exists bool
	store  *store.Store // nil: it cannot be read
	whole  bool         // every page and record is good
	sure   bool         // every page and record that tells of accounts is: who is not there was deleted
}

func (p *present) close() {
	if p.store != nil {
		_ = p.store.Close() // it was only read
	}
}

// openPresent opens what is there, and locks it. That it cannot be read is no
// error, but noted: then nothing is known of what was closed since the backup.
func (r *Restore) openPresent(ctx context.Context) (*present, error) {
	path := filepath.Join(r.Folder, DatabaseFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.done.Present, r.done.Why = PresentNone, "there is no database"
		return &present{}, nil
	} else if err != nil {
		return nil, fmt.Errorf("daemon: restore: %w", err)
	}
	p := &present{exists: true}
	unreadable := func(why string) (*present, error) {
		r.done.Present, r.done.Why = PresentUnreadable, why
		return p, nil
	}
	if err := lockable(path); err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return unreadable("it is empty")
	}
	keys, err := secret.OpenKeys(filepath.Join(r.Folder, KeyFile), true, rand.Reader)
	if err != nil {
		return p, nil // copyBackup says what is wrong with the key
	}
	if p.whole, p.sure, err = r.checkPresent(ctx, path, keys); ctx.Err() != nil || errors.Is(err, kv.ErrLocked) {
		return nil, err
	} else if err != nil {
		return unreadable(err.Error())
	}
	engine, err := boltkv.Open(path, boltkv.Options{NoSync: true}) // nothing is written
	if errors.Is(err, kv.ErrLocked) {
		return nil, err
	} else if err != nil {
		return unreadable(err.Error())
	}
	if p.store, err = store.Open(ctx, engine, keys, store.Options{ReadOnly: true}); err != nil {
		_ = engine.Close()
		return unreadable(err.Error())
	}
	r.done.Present = PresentRead
	if !p.whole {
		r.done.Present, r.done.Why = PresentInPart, "it is damaged"
	}
	return p, nil
}

// checkPresent tells whether all of it is good, and whether all that tells of
// accounts is.
func (r *Restore) checkPresent(ctx context.Context, path string, keys *secret.Keys) (whole, sure bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, false, err
	}
	defer file.Close()
	var pages boltkv.Pages
	var unread error
	checked, err := store.Check(keys, func(record func(key, value []byte)) {
		pages, unread = boltkv.CheckFile(ctx, file, record, func(done, of int64) { r.progress("checking the present database", done, of) })
	})
	if err := errors.Join(unread, err); err != nil {
		return false, false, err
	}
	sure = pages.Damaged == 0 && checked.Damaged == len(checked.List) && !slices.ContainsFunc(checked.List, func(d store.DamagedRecord) bool {
		return d.Kind == store.RecordAccount || d.Kind == store.RecordSchema || d.Kind == store.RecordUnknown
	})
	return pages.Damaged+checked.Damaged == 0, sure, nil
}

// lockable makes sure that nobody has the database open.
func lockable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	defer file.Close()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: %s", kv.ErrLocked, path)
	} else if err != nil {
		return fmt.Errorf("daemon: locking %s: %w", path, err)
	}
	return nil
}
