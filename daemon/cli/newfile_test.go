package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPutNew: each way puts a whole file in its place and replaces nothing; a
// filesystem that lacks one gets the next.
func TestPutNew(t *testing.T) {
	type way = func(from, to string) error
	lacks := func(errno error) way {
		return func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: errno} }
	}
	for name, test := range map[string]struct {
		ways   []way
		refuse error // it is not put there
	}{
		"link":             {[]way{os.Link}, nil},
		"rename":           {[]way{renameNew}, nil},
		"reserve":          {[]way{renameReserved}, nil},
		"FAT":              {[]way{lacks(unix.EPERM), renameNew, renameReserved}, nil},
		"FUSE":             {[]way{lacks(unix.ENOSYS), lacks(unix.EINVAL), renameReserved}, nil},
		"neither":          {[]way{lacks(unix.EOPNOTSUPP), lacks(unix.EINVAL), renameReserved}, nil},
		"full":             {[]way{lacks(unix.ENOSPC), renameNew}, unix.ENOSPC},
		"fails afterwards": {[]way{func(_, to string) error { return renameReserved(to+"-absent", to) }}, fs.ErrNotExist},
	} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		write := func(path, text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(from, "new")
		if err := putNew(from, to, test.ways...); !errors.Is(err, test.refuse) {
			t.Errorf("%s: %v, want %v", name, err, test.refuse)
		}
		got, err := os.ReadFile(to)
		if test.refuse != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %q is left, %v", name, got, err)
			}
			continue
		}
		if string(got) != "new" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		_ = os.Remove(from) // the second name that link leaves
		write(from, "newer")
		if err := putNew(from, to, test.ways...); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s, where there is a file: %v", name, err)
		}
		if got, err := os.ReadFile(to); string(got) != "new" {
			t.Errorf("%s: what was there is %q now, %v", name, got, err)
		}
	}
}
