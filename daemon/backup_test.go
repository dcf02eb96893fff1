package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func noProgress(admin.BackupProgress) {}

// openCopy opens a backup with the key of a folder.
func openCopy(t *testing.T, folder string, copied []byte) *store.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	return openStoreFile(t, path, folder)
}

func openStoreFile(t *testing.T, path, folder string) *store.Store {
	t.Helper()
	keys, err := secret.LoadKeys(filepath.Join(folder, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := boltkv.Open(path, boltkv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), engine, keys, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// TestHotBackup copies a daemon's database over and over while it changes: what
// was acknowledged before is in each copy, and each is good.
func TestHotBackup(t *testing.T) {
	d := start(t, nil)
	c := admin.NewClient(admin.Dial(d.cfg.SocketPaths().Admin))
	defer c.Close()
	var acknowledged [2]atomic.Int64
	acked := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	name := func(writer, n int) string { return fmt.Sprintf("w%d.%d@example.org", writer, n) }
	for writer := range acknowledged {
		writers.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				if _, err := c.AccountAdd(t.Context(), admin.AccountAdd{Address: name(writer, n)}); err != nil {
					t.Error(err)
					return
				}
				acknowledged[writer].Store(int64(n))
				select {
				case acked <- struct{}{}: // a round has waited for it
				default:
				}
			}
		})
	}
	defer writers.Wait()
	defer stop()
	for range 4 {
		for range 3 { // there are changes under way
			select {
			case <-acked:
			case <-time.After(30 * time.Second):
				t.Fatal("nothing is written")
			}
		}
		var before [2]int
		for writer := range before {
			before[writer] = int(acknowledged[writer].Load())
		}
		var file bytes.Buffer
		stages := map[string]bool{}
		made, err := c.Backup(t.Context(), &file, func(p admin.BackupProgress) { stages[p.Stage] = true })
		if err != nil {
			t.Fatal(err)
		}
		if made.Size != int64(file.Len()) || made.Key != d.safe.KeyID() || !stages["writing"] {
			t.Errorf("%+v of %d bytes, stages %v", made, file.Len(), stages)
		}
		st := openCopy(t, d.cfg.DataDir, file.Bytes())
		for writer, n := range before {
			for i := 1; i <= n; i++ {
				if _, err := st.Account(t.Context(), name(writer, i)); err != nil {
					t.Fatalf("%s was acknowledged before the backup: %v", name(writer, i), err)
				}
			}
		}
	}
}

// TestBackupIsOneAtATime: while one is not fetched, another is refused; when its
// asker goes away, nothing is left of it.
func TestBackupIsOneAtATime(t *testing.T) {
	d := start(t, nil)
	fillEvents(t, d) // more than one read of the copy takes
	c := admin.NewClient(admin.InProcess(d.Admin(), admin.Identity{Actor: "root", Role: admin.Administrator}))
	stalled, letGo := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := c.Backup(t.Context(), writerFunc(func([]byte) (int, error) {
			close(stalled)
			<-letGo
			return 0, errors.New("the disk is full")
		}), noProgress)
		done <- err
	}()
	<-stalled
	var told *admin.Error
	if _, err := c.Backup(t.Context(), io.Discard, noProgress); !errors.As(err, &told) || told.Sentence != "another backup is under way" {
		t.Errorf("a second one: %v", err)
	}
	if err := d.store.Update(t.Context(), func(w *store.Writer) error { _, err := w.CreateAccount("a@example.org", ""); return err }); err != nil {
		t.Errorf("a change beside a stalled backup: %v", err)
	}
	close(letGo)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the first one: %v", err)
	}
	if _, err := c.Backup(t.Context(), io.Discard, noProgress); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	onlyOwnFiles(t, d.cfg.DataDir)
}

// TestBackupEndsWithItsAsker: who goes away while the copy is read back ends it.
func TestBackupEndsWithItsAsker(t *testing.T) {
	d := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := d.safe.Copy(ctx, "root", func(p admin.BackupProgress) {
		if p.Stage == "checking" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	onlyOwnFiles(t, d.cfg.DataDir)
	c, err := d.safe.Copy(t.Context(), "root", noProgress)
	if err != nil {
		t.Fatal(err)
	}
	onlyOwnFiles(t, d.cfg.DataDir) // not even while it is there
	if err := c.File.Close(); err != nil {
		t.Error(err)
	}
	if err := c.File.Close(); !errors.Is(err, os.ErrClosed) { // and hands out no second token
		t.Error(err)
	}
}

// TestStopEndsBackup: the stop does not wait for an asker who has stalled.
func TestStopEndsBackup(t *testing.T) {
	d := start(t, nil)
	c := admin.NewClient(admin.Dial(d.cfg.SocketPaths().Admin))
	stalled, letGo := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	fillEvents(t, d) // more than a socket takes
	go func() {
		once := sync.Once{}
		_, err := c.Backup(t.Context(), writerFunc(func(p []byte) (int, error) {
			once.Do(func() { close(stalled); <-letGo })
			return len(p), nil
		}), noProgress)
		done <- err
	}()
	<-stalled
	d.stop()
	close(letGo)
	if err := <-done; err == nil {
		t.Error("a backup that was cut off passes for one")
	}
	onlyOwnFiles(t, d.cfg.DataDir)
}

// fillEvents makes the database larger by some 2 MB.
func fillEvents(t *testing.T, d *running) {
	t.Helper()
	err := d.store.Update(t.Context(), func(w *store.Writer) error {
		for n := range 5000 {
			err := w.PutEvent(store.Event{Time: time.Unix(int64(n), 0), Kind: store.EventDamaged, Detail: strings.Repeat("x", 200)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupNeedsRoom(t *testing.T) {
	var told *admin.Error
	if err := room(t.TempDir(), 1<<60); !errors.As(err, &told) || !strings.Contains(told.Sentence, "MB free") {
		t.Errorf("error = %v", err)
	}
	if err := room(t.TempDir(), 1); err != nil {
		t.Error(err)
	}
}

func TestExportKeyRefusesAnother(t *testing.T) {
	d := start(t, nil)
	path := filepath.Join(d.cfg.DataDir, KeyFile)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := d.safe.ExportKey(t.Context(), "root"); err != nil || text.Reveal() != string(want) {
		t.Errorf("%v, %v", text, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.CreateKeys(path, strings.NewReader(strings.Repeat("x", 32))); err != nil {
		t.Fatal(err)
	}
	text, err := d.safe.ExportKey(t.Context(), "root")
	if err == nil || !text.IsZero() || !strings.Contains(err.Error(), "the database was opened with key "+d.safe.KeyID()) {
		t.Errorf("%v, %v", text, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// onlyOwnFiles wants nothing in data_dir but database and key.
func onlyOwnFiles(t *testing.T, folder string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != DatabaseFile && f.Name() != KeyFile {
			t.Errorf("%s was left", f.Name())
		}
	}
}
