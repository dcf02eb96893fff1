package boltkv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// checkPath is CheckFile of the file at a path.
func checkPath(path string, record func(key, value []byte)) (Pages, error) {
	file, err := os.Open(path)
	if err != nil {
		return Pages{}, err
	}
	defer file.Close() // and unlock
	return CheckFile(context.Background(), file, record, nil)
}

// checked runs CheckFile and returns what it handed out, in one text.
func checked(t *testing.T, path string) (pages Pages, count int, all []byte) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pages, err = checkPath(path, func(key, value []byte) {
		count++
		all = append(append(all, key...), value...)
	})
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Fatal("CheckFile changed the file")
	}
	return pages, count, all
}

// TestCheckGood compares with bbolt's own check on files that have seen writes
// and deletes: a new one, one with an inline bucket, one with long values.
func TestCheckGood(t *testing.T) {
	for _, n := range []int{0, 1, 30, 5000} {
		e, path := open(t, Options{PageSize: 4096, NoSync: true})
		for round := range 4 {
			err := e.Update(context.Background(), func(w kv.Writer) error {
				for i := round; i < n; i += 2 {
					key := fmt.Appendf(nil, "key%05d", i)
					if err := w.Put(key, bytes.Repeat([]byte{byte(i)}, i*37%300+i%1000/999*200_000)); err != nil {
						return err
					}
					if i%3 == round {
						if err := w.Delete(key); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := 0
		err := e.View(context.Background(), func(r kv.Reader) error {
			return r.Scan(nil, nil, func(_, _ []byte) error { want++; return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkPath(path, nil); !errors.Is(err, kv.ErrLocked) {
			t.Errorf("%d keys: Check of an open file = %v; want ErrLocked", n, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		pages, count, _ := checked(t, path)
		if pages.Damaged != 0 || count != want {
			t.Errorf("%d keys: %+v, %d records; want %d", n, pages, count, want)
		}
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			for err := range tx.Check() {
				t.Errorf("%d keys: bbolt: %v", n, err)
			}
			return nil
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// small is a file with two levels and some free pages, in few bytes.
func small(t *testing.T) (path string, whole []byte) {
	t.Helper()
	e, path := open(t, Options{PageSize: 1024, NoSync: true})
	for range 2 {
		err := e.Update(context.Background(), func(w kv.Writer) error {
			for i := range 60 {
				if err := w.Put(fmt.Appendf(nil, "key%02d", i), make([]byte, 60)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	used := newestSize(t, path)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, whole[:used]
}

// TestCheckEveryFlippedByte flips each byte of a file: either Check sees it, or
// every record is still handed out. (That a value has changed is not its to see.)
func TestCheckEveryFlippedByte(t *testing.T) {
	_, whole := small(t)
	path := filepath.Join(t.TempDir(), "damaged")
	seen := 0
	for at := range whole {
		bad := bytes.Clone(whole)
		bad[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		count := 0
		pages, err := checkPath(path, func(_, _ []byte) { count++ })
		if err != nil {
			t.Fatal(err)
		}
		if pages.Damaged == 0 && count != 60 {
			t.Errorf("byte %d: %d records, and no problem", at, count)
		}
		if pages.Damaged > 0 {
			seen++
		}
	}
	if seen < 1000 {
		t.Errorf("of %d flipped bytes only %d are seen", len(whole), seen)
	}
}

// TestCheckCutOff cuts the file at every page and in between.
func TestCheckCutOff(t *testing.T) {
	path, whole := small(t)
	for keep := 0; keep < len(whole); keep += 512 {
		if err := os.WriteFile(path, whole[:keep], 0o600); err != nil {
			t.Fatal(err)
		}
		pages, _, _ := checked(t, path)
		if pages.Damaged == 0 {
			t.Errorf("%d of %d bytes are good", keep, len(whole))
		}
		if first := strings.Join(pages.Problems, "\n"); keep >= 2048 && !strings.HasPrefix(first, "the file is cut off") {
			t.Errorf("%d of %d bytes: %s", keep, len(whole), first)
		}
	}
}

// TestCheckBranch leads the entries of branch pages elsewhere: far beyond the end,
// and back to the page itself, neither of which bbolt survives.
func TestCheckBranch(t *testing.T) {
	path, whole := small(t)
	for name, child := range map[string]func(page uint64) uint64{
		"beyond the end": func(uint64) uint64 { return 1 << 50 },
		"itself":         func(page uint64) uint64 { return page },
		"a meta page":    func(uint64) uint64 { return 1 },
	} {
		bad := bytes.Clone(whole)
		for page := range uint64(len(bad) / 1024) {
			b := bad[page*1024:]
			if binary.NativeEndian.Uint16(b[8:]) == branchPage {
				binary.NativeEndian.PutUint64(b[pageHeaderLen+elementLen+8:], child(page))
			}
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		pages, count, all := checked(t, path)
		if pages.Damaged == 0 || count >= 60 || count < 40 {
			t.Errorf("%s: %+v, %d records", name, pages, count)
		}
		if !bytes.Contains(all, []byte("key59")) {
			t.Errorf("%s: pages beside the damaged one were not read", name)
		}
	}
}

// TestCheckBranchKey lowers one key of the branch pages: lookups of the key before
// it then end in the wrong page.
func TestCheckBranchKey(t *testing.T) {
	path, whole := small(t)
	for page := range len(whole) / 1024 {
		b := whole[page*1024 : (page+1)*1024]
		if binary.NativeEndian.Uint16(b[8:]) == branchPage {
			list, _ := parseElements(b, true)
			list[1].key[4]--
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	pages, count, _ := checked(t, path)
	if pages.Damaged != 1 || count != 60 {
		t.Errorf("%+v, %d records; want one problem and all records", pages, count)
	}
}

// TestCheckFileTellsProgress, and ends when nobody wants to know any more.
func TestCheckFileTellsProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	e, err := Open(path, Options{PageSize: 4096, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Update(t.Context(), func(w kv.Writer) error {
		for i := range 2000 {
			if err := w.Put(fmt.Appendf(nil, "%06d", i), make([]byte, 1500)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var done, of []int64
	pages, err := CheckFile(t.Context(), file, func(_, _ []byte) {}, func(d, o int64) { done, of = append(done, d), append(of, o) })
	if err != nil || pages.Damaged > 0 {
		t.Fatalf("%+v, %v", pages, err)
	}
	if len(done) < 3 || !slices.IsSorted(done) || done[len(done)-1] != pages.Pages || of[0] != pages.Pages {
		t.Errorf("%v of %v", done, of)
	}
	ctx, cancel := context.WithCancel(t.Context())
	count := 0
	pages, err = CheckFile(ctx, file, func(_, _ []byte) { count++; cancel() }, nil)
	if !errors.Is(err, context.Canceled) || count > 100 || pages.Damaged > 0 {
		t.Errorf("%d records after the end, %+v, %v", count, pages, err)
	}
}
