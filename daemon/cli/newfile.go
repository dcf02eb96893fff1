package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

// newFile is a file that appears whole or not at all: it is written beside its
// place, with mode 0600, and put there once it is on the disk.
type newFile struct {
	*os.File
	path  string
	force bool // what stands there may be replaced
}

// createBeside begins one. It refuses what stands there already, unless forced,
// and what the daemon itself works with in every case.
func createBeside(cfg *config.Config, path string, force bool) (*newFile, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, &failure{status: exitFailed, sentence: path + " is a folder", hint: "name a file in it"}
	case err == nil && inUse(cfg, info):
		return nil, &failure{status: exitFailed, sentence: path + " is what the daemon itself works with", hint: "name another file"}
	case err == nil && !force:
		return nil, exists(path, nil)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return nil, err
	}
	return &newFile{f, path, force}, nil
}

func exists(path string, cause error) error {
	return &failure{status: exitFailed, sentence: path + " exists", hint: "name another file, or write over it with --force", cause: cause}
}

// inUse tells whether a file is one of the daemon's, whatever it is called.
func inUse(cfg *config.Config, info fs.FileInfo) bool {
	for _, name := range []string{daemon.DatabaseFile, daemon.KeyFile} {
		if own, err := os.Stat(filepath.Join(cfg.DataDir, name)); err == nil && os.SameFile(own, info) {
			return true
		}
	}
	return false
}

// commit puts the file in its place and brings both to the disk.
func (f *newFile) commit() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	put := os.Rename
	if !f.force {
		put = func(from, to string) error { return putNew(from, to, os.Link, renameNew, renameReserved) }
	}
	if err := put(f.Name(), f.path); errors.Is(err, fs.ErrExist) {
		return exists(f.path, err)
	} else if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// putNew puts a file where there must be none (else fs.ErrExist), in the first of
// these ways that the filesystem has. Not even what has come there meanwhile is
// replaced.
func putNew(from, to string, ways ...func(from, to string) error) error {
	var err error
	for _, way := range ways {
		if err = way(from, to); err == nil || !notHere(err) {
			break
		}
	}
	return err
}

// notHere says whether a filesystem answers that it has no such operation: link(2)
// of FAT says EPERM, renameat2(2) says EINVAL about a flag.
func notHere(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)
}

// renameNew is for filesystems without a second name for a file, as on most USB
// sticks; NFS has it not.
func renameNew(from, to string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); err != nil {
		return &os.LinkError{Op: "renameat2", Old: from, New: to, Err: err}
	}
	return nil
}

// renameReserved takes the name with an empty file, which every filesystem can,
// and replaces that. Only a crash in between leaves something else than all or
// nothing: the empty file.
func renameReserved(from, to string) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Rename(from, to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// discard takes away what is not committed; afterwards it does nothing but for the
// second name of what was.
func (f *newFile) discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
