package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

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
		put = os.Link // which does not replace what has come there meanwhile
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

// discard takes away what is not committed; afterwards it does nothing but for the
// second name of what was.
func (f *newFile) discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
