package boltkv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Pages is what CheckFile says of the file itself.
type Pages struct {
	Pages    int64    `json:"pages"` // that the file should have
	Free     int64    `json:"free"`  // of them, for later use
	Damaged  int      `json:"damaged"`
	Problems []string `json:"problems"` // the first 100 of Damaged, a sentence each
}

// CheckFile looks for damage in a file, which it only reads, also if Open refuses
// it, and locks against every Engine; closing it is what unlocks it. It hands each
// key and value that can be reached to record, in order; they live until record
// returns. progress, unless nil, is told now and then how many of the file's pages
// are done. When ctx ends, so does the walk, with its error. kv.ErrLocked means that
// an Engine has the file open.
//
// It reads with pread(2), a page at a time, and walks the tree by itself. bbolt's
// own Tx.Check does so on the mapped file, in a goroutine of its own, which
// debug.SetPanicOnFault does not reach: a page number beyond the end of the file
// ends the process, and a page that leads back to itself is followed for ever.
// Memory is needed for a page of each level, and one bit for each page of the file.
func CheckFile(ctx context.Context, file *os.File, record func(key, value []byte), progress func(done, of int64)) (Pages, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return Pages{}, fmt.Errorf("%w: %s", kv.ErrLocked, file.Name())
	} else if err != nil {
		return Pages{}, fmt.Errorf("boltkv: locking %s: %w", file.Name(), err)
	}
	info, err := file.Stat()
	if err != nil {
		return Pages{}, fmt.Errorf("boltkv: %w", err)
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	w := &walk{ctx: ctx, file: file, record: record, progress: progress, result: Pages{Problems: []string{}}}
	w.run(info.Size())
	return w.result, ctx.Err()
}

func (w *walk) run(size int64) {
	if size == 0 {
		w.problem("the file is empty")
		return
	}
	var err error
	if w.meta, err = newestMeta(w.file, size); err != nil {
		w.problem("no valid meta page: the beginning of the file is damaged, or it is no database")
		return
	}
	w.result.Pages = int64(w.meta.pages)
	if size < w.meta.size() {
		w.problem("the file is cut off: it has %d bytes, its meta pages say %d", size, w.meta.size())
	}
	w.present = min(w.meta.pages, uint64(size/int64(w.meta.pageSize)))
	w.seen = make([]uint64, w.present/64+1)
	w.mark(0, 2)
	w.metas()
	w.tree(w.meta.root, nil, nil, 0, w.bucket)
	if !w.found {
		w.problem("the bucket of all records is not there")
	}
	if w.ctx.Err() == nil { // else most pages look lost
		w.freePages()
		w.progress(w.result.Pages, w.result.Pages)
	}
}

// walk is one Check.
type walk struct {
	ctx     context.Context
	file    *os.File
	meta    meta
	present uint64   // pages that the file really has
	seen    []uint64 // a bit for each of them
	found   bool     // the bucket
	record  func(key, value []byte)
	result  Pages

	progress func(done, of int64)
	done     int64 // pages that were read
}

const (
	maxProblems  = 100
	maxDepth     = 64
	maxPageBytes = 64 << 20 // bbolt splits a page once it has two keys
	elementLen   = 16
	noFreelist   = ^uint64(0)

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01

	progressPages = 256 // between two words about the progress: 1 MiB
)

func (w *walk) problem(format string, args ...any) {
	w.result.Damaged++
	if len(w.result.Problems) < maxProblems {
		w.result.Problems = append(w.result.Problems, fmt.Sprintf(format, args...))
	}
}

// metas reports a meta page that bbolt silently does without: the other one is of
// the commit before.
func (w *walk) metas() {
	for i := range int64(2) {
		var page [pageHeaderLen + metaLen]byte
		_, err := w.file.ReadAt(page[:], i*int64(w.meta.pageSize))
		if _, ok := parseMeta(page[pageHeaderLen:]); err != nil || !ok {
			w.problem("page %d (meta): fails its checksum; the other one is used, and the last change may be lost", i)
		}
	}
}

// mark notes that n pages from id on are in use; false if one was already.
func (w *walk) mark(id, n uint64) bool {
	fresh := true
	for ; n > 0 && id < w.present; id, n = id+1, n-1 {
		bit := uint64(1) << (id % 64)
		fresh = fresh && w.seen[id/64]&bit == 0
		w.seen[id/64] |= bit
	}
	return fresh
}

// page reads a page with all that overflows from it; nil, and a problem, if it
// cannot be one. Of pages beyond the end Check has already spoken.
func (w *walk) page(id uint64) []byte {
	if id < 2 || id >= w.meta.pages {
		w.problem("a page leads to page %d, which cannot be", id)
		return nil
	}
	if id >= w.present {
		return nil
	}
	at, size := int64(id)*int64(w.meta.pageSize), int64(w.meta.pageSize)
	var header [pageHeaderLen]byte
	if _, err := w.file.ReadAt(header[:], at); err != nil {
		w.problem("page %d: cannot be read: %v", id, err)
		return nil
	}
	n := uint64(binary.NativeEndian.Uint32(header[12:])) + 1
	switch {
	case binary.NativeEndian.Uint64(header[:]) != id:
		w.problem("page %d: its header is damaged", id)
		return nil
	case n > maxPageBytes/uint64(size) || id+n > w.meta.pages:
		w.problem("page %d: its length is damaged", id)
		return nil
	case !w.mark(id, n):
		w.problem("page %d: is in use twice", id)
		return nil
	}
	if w.done += int64(n); w.done/progressPages != (w.done-int64(n))/progressPages {
		w.progress(w.done, w.result.Pages)
	}
	page := make([]byte, int64(n)*size)
	if _, err := w.file.ReadAt(page, at); err != nil && id+n <= w.present {
		w.problem("page %d: cannot be read: %v", id, err)
		return nil
	} else if err != nil {
		return nil
	}
	return page
}

// tree walks the pages below id, whose keys begin with low and end before high.
func (w *walk) tree(id uint64, low, high []byte, depth int, leaf func(element)) {
	if w.ctx.Err() != nil {
		return
	}
	if depth > maxDepth {
		w.problem("page %d: the tree is too deep", id)
	} else if page := w.page(id); page != nil {
		w.node(id, page, low, high, depth, leaf)
	}
}

func (w *walk) node(id uint64, page []byte, low, high []byte, depth int, leaf func(element)) {
	flags := binary.NativeEndian.Uint16(page[8:])
	if flags != branchPage && flags != leafPage {
		w.problem("page %d: is neither branch nor leaf", id)
		return
	}
	elements, whole := parseElements(page, flags == branchPage)
	if !whole || len(elements) == 0 && (depth > 0 || flags == branchPage) {
		w.problem("page %d: its table of keys is damaged", id)
	}
	if !ordered(elements, low, high) {
		w.problem("page %d: keys out of order, or not where the page above says", id)
	}
	for i, e := range elements {
		if flags == leafPage {
			leaf(e)
			continue
		}
		end := high
		if i+1 < len(elements) {
			end = elements[i+1].key
		}
		w.tree(e.child, e.key, end, depth+1, leaf)
	}
}

// element is one key of a page: of a leaf with its value, of a branch with the
// page that begins with it.
type element struct {
	flags      uint32
	key, value []byte
	child      uint64
}

// parseElements reads the table of a page (bbolt's internal/common/page.go). bbolt
// writes keys and values after the table without a gap, so that a wrong count or
// length shows. whole is false if one does; what lies within the page is returned
// all the same.
func parseElements(page []byte, branch bool) (list []element, whole bool) {
	ne := binary.NativeEndian
	count := int(ne.Uint16(page[10:]))
	if pageHeaderLen+count*elementLen > len(page) {
		return nil, false
	}
	whole, list = true, make([]element, 0, count)
	next := uint64(pageHeaderLen + count*elementLen)
	for i := range count {
		at := pageHeaderLen + i*elementLen
		b := page[at:]
		var e element
		var pos, keyLen, valueLen uint64
		if branch {
			pos, keyLen, e.child = uint64(ne.Uint32(b)), uint64(ne.Uint32(b[4:])), ne.Uint64(b[8:])
		} else {
			e.flags, pos = ne.Uint32(b), uint64(ne.Uint32(b[4:]))
			keyLen, valueLen = uint64(ne.Uint32(b[8:])), uint64(ne.Uint32(b[12:]))
		}
		pos += uint64(at)
		end := pos + keyLen + valueLen
		whole = whole && pos == next && keyLen > 0
		if next = end; end > uint64(len(page)) {
			whole = false
			continue
		}
		e.key, e.value = page[pos:pos+keyLen], page[pos+keyLen:end]
		list = append(list, e)
	}
	return list, whole
}

func ordered(list []element, low, high []byte) bool {
	for i, e := range list {
		if i == 0 && bytes.Compare(e.key, low) < 0 || i > 0 && bytes.Compare(e.key, list[i-1].key) <= 0 {
			return false
		}
		if high != nil && bytes.Compare(e.key, high) >= 0 {
			return false
		}
	}
	return true
}

// bucket walks the one bucket: it has a root page, or is inline while it is small.
func (w *walk) bucket(e element) {
	if e.flags != bucketFlag || len(e.value) < 16 || !bytes.Equal(e.key, bucketName) {
		w.problem("the list of buckets is damaged")
		return
	}
	w.found = true
	root, inline := binary.NativeEndian.Uint64(e.value), e.value[16:]
	switch {
	case root != 0:
		w.tree(root, nil, nil, 0, w.entry)
	case len(inline) < pageHeaderLen:
		w.problem("the bucket is damaged")
	default:
		w.node(w.meta.root, inline, nil, nil, 0, w.entry)
	}
}

func (w *walk) entry(e element) {
	if e.flags != 0 || kv.Check(e.key, len(e.value)) != nil {
		w.problem("a key is damaged")
		return
	}
	w.record(e.key, e.value)
}

// freePages makes sure that each page is either free or in use: a page that is
// both will be overwritten, and one that is neither was cut out of the tree.
func (w *walk) freePages() {
	if w.meta.freelist != noFreelist && !w.readFreelist() {
		return
	}
	lost := 0
	for id := range w.present {
		if w.seen[id/64]&(1<<(id%64)) == 0 {
			lost++
		}
	}
	if lost > 0 {
		w.problem("pages that nothing leads to any more, with what is on them: %d", lost)
	}
}

func (w *walk) readFreelist() bool {
	page := w.page(w.meta.freelist)
	if page == nil {
		return false
	}
	count, ids := uint64(binary.NativeEndian.Uint16(page[10:])), page[pageHeaderLen:]
	if count == 0xffff { // so many that the first entry is their number
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if binary.NativeEndian.Uint16(page[8:]) != freelistPage || count > uint64(len(ids)/8) {
		w.problem("page %d: the list of free pages is damaged", w.meta.freelist)
		return false
	}
	for i := range count {
		id := binary.NativeEndian.Uint64(ids[8*i:])
		if id < 2 || id >= w.meta.pages || !w.mark(id, 1) {
			w.problem("page %d: is listed as free, which it cannot be", id)
			continue
		}
		w.result.Free++
	}
	return true
}
