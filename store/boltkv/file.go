package boltkv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// openLocked opens or makes the file, locks it and checks its size; fresh means
// that nothing was ever committed to it. bbolt's own flock(2) on the same open
// file then succeeds at once; its way of waiting, and of checking nothing until
// it has mapped the file, is what this replaces.
func openLocked(path string) (file *os.File, fresh bool, err error) {
	file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("boltkv: %w", err)
	}
	if fresh, err = lockAndCheck(file); err != nil {
		file.Close()
		return nil, false, err
	}
	return file, fresh, nil
}

func lockAndCheck(file *os.File) (fresh bool, err error) {
	path := file.Name()
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, fmt.Errorf("%w: %s", kv.ErrLocked, path)
	} else if err != nil {
		return false, fmt.Errorf("boltkv: locking %s: %w", path, err)
	}
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("boltkv: %w", err)
	}
	if info.Size() == 0 {
		return true, nil
	}
	newest, err := newestMeta(file, info.Size())
	if err != nil {
		return false, errDamaged(path, err)
	}
	if need := newest.size(); info.Size() < need {
		return false, errDamaged(path, fmt.Sprintf("%d bytes, its meta pages say %d", info.Size(), need))
	}
	return newest.txid <= 1, nil // bbolt gives the two pages of a new file 0 and 1
}

// meta is what a meta page holds, from bbolt's internal/common/meta.go: it starts
// after the page header, in the machine's byte order, and ends in the FNV-1a sum
// of what stands before it.
type meta struct {
	pageSize uint32
	root     uint64 // page of the root bucket
	freelist uint64 // page of the list of free pages
	pages    uint64 // high water mark: the file's length in pages
	txid     uint64
}

// size is how long the file must at least be.
func (m meta) size() int64 { return int64(m.pages) * int64(m.pageSize) }

const (
	pageHeaderLen = 16
	metaLen       = 64
	metaSumAt     = 56
	boltMagic     = 0xED0CDAED
	boltVersion   = 2
)

// newestMeta returns the newer of the file's valid meta pages.
func newestMeta(file *os.File, size int64) (meta, error) {
	var newest meta
	found := false
	consider := func(at int64) {
		var page [pageHeaderLen + metaLen]byte
		if _, err := file.ReadAt(page[:], at); err != nil {
			return
		}
		if m, ok := parseMeta(page[pageHeaderLen:]); ok && (!found || m.txid > newest.txid) {
			newest, found = m, true
		}
	}
	consider(0)
	if found {
		consider(int64(newest.pageSize))
	} else {
		// The page size is only known from a meta page: try those bbolt does.
		for at := int64(1 << 10); at < 1<<25 && at < size && !found; at *= 2 {
			consider(at)
		}
	}
	if !found {
		return meta{}, errors.New("no valid meta page")
	}
	return newest, nil
}

func parseMeta(b []byte) (meta, bool) {
	ne := binary.NativeEndian
	if ne.Uint32(b) != boltMagic || ne.Uint32(b[4:]) != boltVersion || ne.Uint64(b[metaSumAt:]) != fnv1a(b[:metaSumAt]) {
		return meta{}, false
	}
	m := meta{pageSize: ne.Uint32(b[8:]), root: ne.Uint64(b[16:]), freelist: ne.Uint64(b[32:]),
		pages: ne.Uint64(b[40:]), txid: ne.Uint64(b[48:])}
	sane := m.pageSize >= 1<<10 && m.pageSize <= 1<<24 && m.pages < 1<<40
	return m, sane
}

func fnv1a(b []byte) uint64 {
	sum := uint64(14695981039346656037)
	for _, c := range b {
		sum = (sum ^ uint64(c)) * 1099511628211
	}
	return sum
}

// syncDir makes the name of a new file survive a crash of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("boltkv: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("boltkv: %w", err)
	}
	return nil
}
