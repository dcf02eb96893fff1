package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// safe makes copies of the database while it is in use, and hands out the key.
//
// A copy goes to a file in data_dir first: the snapshot that it is made of keeps
// the database from reusing pages, and so must not wait for whoever fetches it.
// The file loses its name as soon as it is there, so that nothing is left of it
// however the process ends. Then every page and record of it is read.
type safe struct {
	folder string // data_dir
	store  *store.Store
	keys   *secret.Keys
	flush  func(context.Context) error
	now    func() time.Time
	gentle bool          // others wait for this processor: take a quarter of it
	one    chan struct{} // holds a token; who has it may copy
}

var _ admin.Safe = (*safe)(nil)

func (d *Daemon) newSafe(keys *secret.Keys, o Options) *safe {
	s := &safe{folder: d.cfg.DataDir, store: d.store, keys: keys, flush: d.audit.Flush, now: o.Now,
		gentle: !o.Offline, one: make(chan struct{}, 1)}
	s.one <- struct{}{}
	return s
}

// wait returns when no copy is under way. The caller has seen to it that nobody
// asks for another.
func (s *safe) wait() { s.one <- <-s.one }

// spare is what a copy leaves free on the disk, for the database to go on.
const spare = 64 << 20

// Copy makes a copy and reads it back.
func (s *safe) Copy(ctx context.Context, actor store.Actor, progress func(admin.BackupProgress)) (*admin.Copy, error) {
	select {
	case <-s.one:
	default:
		return nil, &admin.Error{Status: http.StatusConflict, Kind: admin.KindConflict, Sentence: "another backup is under way",
			Hint: "wait for it to end"}
	}
	c, err := s.copy(ctx, actor, progress)
	if err != nil {
		s.one <- struct{}{}
		return nil, err
	}
	return c, nil
}

func (s *safe) copy(ctx context.Context, actor store.Actor, progress func(admin.BackupProgress)) (*admin.Copy, error) {
	info, err := os.Stat(filepath.Join(s.folder, DatabaseFile))
	if err != nil {
		return nil, fmt.Errorf("daemon: backup: %w", err)
	}
	if err := room(s.folder, info.Size()); err != nil {
		return nil, err
	}
	if err := s.flush(ctx); err != nil { // logins until now are in it, too
		return nil, err
	}
	file, err := nameless(s.folder)
	if err != nil {
		return nil, err
	}
	made, err := s.fill(ctx, file, info.Size(), progress)
	if err == nil {
		err = s.note(ctx, actor, made)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &admin.Copy{BackupMade: *made, File: &copyFile{file, s}}, nil
}

// copyFile is a copy that is being fetched. Closing it twice is harmless.
type copyFile struct {
	*os.File
	safe *safe
}

// Close removes the copy and lets the next one begin.
func (f *copyFile) Close() error {
	err := f.File.Close()
	if !errors.Is(err, os.ErrClosed) {
		f.safe.one <- struct{}{}
	}
	return err
}

// nameless makes a file in the folder that goes when it is closed.
func nameless(folder string) (*os.File, error) {
	file, err := os.CreateTemp(folder, "backup-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("daemon: backup: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("daemon: backup: %w", err), file.Close())
	}
	return file, nil
}

// room makes sure that so many bytes fit into the folder with some to spare.
func room(folder string, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return fmt.Errorf("daemon: free disk space of %s: %w", folder, err)
	}
	if free := int64(fs.Bavail) * int64(fs.Bsize); free < size+spare {
		return &admin.Error{Status: http.StatusInsufficientStorage, Kind: admin.KindRejected,
			Sentence: fmt.Sprintf("%s has %d MB free, and a copy of the database needs %d MB", folder, free>>20, (size+spare)>>20),
			Hint:     "the copy is made there first, so that the database need not wait for a slow disk"}
	}
	return nil
}

// fill copies the database into the file and reads it back.
func (s *safe) fill(ctx context.Context, file *os.File, about int64, progress func(admin.BackupProgress)) (*admin.BackupMade, error) {
	sum := sha256.New()
	to := &countingWriter{w: io.MultiWriter(file, sum), each: func(n int64) {
		progress(admin.BackupProgress{Stage: "copying", Done: n, Of: max(n, about)})
	}}
	if err := s.store.Snapshot(ctx, to); err != nil {
		return nil, err
	}
	pages, checked, err := readBack(ctx, file, s.keys, s.pause(ctx), func(done, of int64) {
		progress(admin.BackupProgress{Stage: "checking", Done: done, Of: of})
	})
	if err != nil {
		return nil, err
	}
	if n := pages.Damaged + checked.Damaged; n > 0 {
		return nil, &admin.Error{Status: http.StatusInternalServerError, Kind: admin.KindInternal,
			Sentence: fmt.Sprintf("the database is damaged (%d pages and records), so no backup was made of it", n),
			Hint:     "stop the daemon and run latchkey check, which names them; keep the earlier backups"}
	}
	made := &admin.BackupMade{Size: to.n, Accounts: checked.Records[store.RecordAccount], Key: s.keys.Generation(),
		SHA256: hex.EncodeToString(sum.Sum(nil))}
	for _, n := range checked.Records {
		made.Records += n
	}
	return made, nil
}

// readBack reads all pages and records of a database file. pause, unless nil, is
// called for each record.
func readBack(ctx context.Context, file *os.File, keys *secret.Keys, pause func(), progress func(done, of int64)) (boltkv.Pages, *store.Checked, error) {
	var pages boltkv.Pages
	var unread error
	checked, err := store.CheckRecords(keys, func(record func(key, value []byte)) {
		pages, unread = boltkv.CheckFile(ctx, file, func(key, value []byte) {
			record(key, value)
			if pause != nil {
				pause()
			}
		}, progress)
	})
	if unread != nil {
		err = unread
	}
	return pages, checked, err
}

// pause rests for whoever calls it for each record, after each page of them; nil
// where no logins would notice.
func (s *safe) pause(ctx context.Context) func() {
	if !s.gentle {
		return nil
	}
	const page = 1000
	n, rest := 0, resting(ctx)
	return func() {
		if n++; n%page == 0 {
			rest()
		}
	}
}

// countingWriter tells how many bytes it has written.
type countingWriter struct {
	w    io.Writer
	n    int64
	each func(n int64)
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.each(c.n)
	return n, err
}

func (s *safe) note(ctx context.Context, actor store.Actor, made *admin.BackupMade) error {
	return s.event(ctx, store.EventBackupMade, actor, fmt.Sprintf("%d accounts, %d bytes, key %s", made.Accounts, made.Size, made.Key))
}

func (s *safe) event(ctx context.Context, kind store.EventKind, actor store.Actor, detail string) error {
	return s.store.Update(ctx, func(w *store.Writer) error {
		return w.PutEvent(store.Event{Time: s.now(), Kind: kind, Actor: actor, Detail: detail})
	})
}

// KeyID names the key in use.
func (s *safe) KeyID() string { return s.keys.Generation() }

// ExportKey reads the key file again: the process keeps only what is derived from
// it. A file that is not the one in use any more is refused.
func (s *safe) ExportKey(ctx context.Context, actor store.Actor) (secret.Secret, error) {
	text, keys, err := secret.ExportKey(filepath.Join(s.folder, KeyFile))
	if err != nil {
		return secret.Secret{}, err
	}
	if keys.Generation() != s.keys.Generation() {
		return secret.Secret{}, &admin.Error{Status: http.StatusConflict, Kind: admin.KindConflict,
			Sentence: "the key file holds key " + keys.Generation() + ", and the database was opened with key " + s.keys.Generation(),
			Hint:     "put the right key file back before the daemon starts anew"}
	}
	return text, s.event(ctx, store.EventKeyExported, actor, "key "+keys.Generation())
}
