package cli

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"

	"github.com/latchkey-mail/latchkey/daemon/accountfile"
	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	maxImportBytes = 5 << 19 // of a page; JSON may have six for each, and a question 16 MiB
	maxTold        = 20      // refused lines on standard error; all are in the report
)

// importing is one run of import.
type importing struct {
	*app
	flags  importFlags
	in     *os.File
	size   int64
	domain string   // of names without one
	report *os.File // nil: none
	told   int      // refused lines printed

	// Of one pass.
	dry   bool
	done  importRecord
	seen  map[uint64]struct{} // hashes of the addresses so far: a million names would not fit
	seed  maphash.Seed
	page  admin.Import
	lines []int // of page.Accounts
	bytes int
	clear int         // passwords in the clear on the page
	bad   []lineCause // of the lines of this page
	bar   progressBar
}

type lineCause struct {
	line  int
	cause string
}

// pass reads the file once and puts it to the daemon, page by page: to look, or to
// add what is good.
func (im *importing) pass(q *question, dry bool) (importRecord, error) {
	if _, err := im.in.Seek(0, io.SeekStart); err != nil {
		return importRecord{}, fmt.Errorf("reading the file: %w", err)
	}
	im.dry, im.done = dry, importRecord{DryRun: dry}
	im.seen, im.seed = make(map[uint64]struct{}), maphash.MakeSeed()
	im.bar = im.newBar(map[bool]string{true: "checking", false: "importing"}[dry])
	defer im.bar.clear()
	scheme := im.flags.scheme.text
	if scheme == "" {
		scheme = "CRYPT" // as Dovecot's passdb of this kind has it
	}
	r, err := accountfile.NewReader(im.in, accountfile.Format(im.flags.format.text), scheme)
	if errors.Is(err, accountfile.ErrHeader) {
		return importRecord{}, &failure{status: exitFailed, sentence: err.Error(), hint: "see latchkey import --help", cause: err}
	}
	for err == nil {
		if err = im.next(r); err == nil && im.full() {
			err = im.flush(q, r.Read())
		}
	}
	if err == io.EOF {
		err = im.flush(q, r.Read())
	}
	return im.done, err
}

// next reads one line onto the page.
func (im *importing) next(r *accountfile.Reader) error {
	line, p, err := r.Next()
	var bad *accountfile.LineError
	if errors.As(err, &bad) {
		im.done.Lines++
		im.bad = append(im.bad, lineCause{bad.Line, bad.Cause})
		return nil
	} else if err == io.EOF {
		return err
	} else if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	im.done.Lines++
	if cause := im.earlier(&p); cause != "" {
		im.bad = append(im.bad, lineCause{line, cause})
		return nil
	}
	im.put(line, p)
	return nil
}

// earlier prepares the names of an account, and says of one that came before, in
// another line or in this one. Names that cannot be prepared are the daemon's to refuse.
func (im *importing) earlier(p *accounts.Portable) (cause string) {
	twice := func(name *string) bool {
		prepared, err := sasl.PrepareName(*name, im.domain)
		if err != nil {
			return false
		}
		*name = prepared
		key := maphash.String(im.seed, prepared)
		_, twice := im.seen[key]
		im.seen[key] = struct{}{}
		return twice
	}
	if twice(&p.Address) {
		return "the address stands in an earlier line, too"
	}
	for i := range p.Aliases {
		if twice(&p.Aliases[i]) {
			return "an alias stands in an earlier line, too, or twice in this one"
		}
	}
	return ""
}

func (im *importing) put(line int, p accounts.Portable) {
	row := admin.Portable{Address: p.Address, Userdb: p.Userdb, Phone: p.Phone, Aliases: p.Aliases, Disabled: p.Disabled}
	if !p.Password.IsZero() {
		row.Password = &admin.Password{Secret: p.Password}
		if _, clear, _ := secret.Cleartext(p.Password.Reveal()); clear {
			im.clear++
		}
	}
	im.bytes += 128 + len(p.Address) + len(p.Password.Reveal()) + len(p.Phone)
	for _, alias := range p.Aliases {
		im.bytes += 3 + len(alias)
	}
	for _, f := range p.Userdb {
		im.bytes += 32 + len(f.Key) + len(f.Value)
	}
	im.page.Accounts, im.lines = append(im.page.Accounts, row), append(im.lines, line)
}

func (im *importing) full() bool {
	return len(im.lines) >= accounts.MaxImport || len(im.bad) >= accounts.MaxImport || im.bytes > maxImportBytes ||
		!im.dry && im.clear >= accounts.MaxCleartext
}

// flush puts the page and begins another.
func (im *importing) flush(q *question, read int64) error {
	if len(im.lines) > 0 {
		im.page.DryRun, im.page.SkipBad = im.dry, im.flags.skipBad
		got, err := q.AccountImport(q.ctx, im.page)
		if err != nil {
			return err
		}
		im.done.Added += got.Added
		im.done.Existing += got.Existing
		im.done.Hashed += got.Hashed
		for _, r := range got.Refused {
			if r.Row < 0 || r.Row >= len(im.lines) {
				return errors.New("the daemon's answer names a line that it was not given")
			}
			im.bad = append(im.bad, lineCause{im.lines[r.Row], r.Cause})
		}
	}
	im.done.Refused += len(im.bad)
	if im.dry || !im.flags.skipBad { // else they were told before
		if err := im.tell(); err != nil {
			return err
		}
	}
	stop := !im.dry && !im.flags.skipBad && len(im.bad) > 0
	im.page.Accounts, im.lines, im.bad = im.page.Accounts[:0], im.lines[:0], im.bad[:0]
	im.bytes, im.clear = 0, 0
	im.bar.at(read, im.done.Lines)
	if stop {
		return refusedLines(im.done, "they were good a moment ago: the configuration, the file or an account changed meanwhile; what stands before them is there now")
	}
	return nil
}

// tell prints the refused lines of a page.
func (im *importing) tell() error {
	slices.SortFunc(im.bad, func(a, b lineCause) int { return a.line - b.line })
	for _, b := range im.bad {
		if im.told < maxTold {
			im.bar.clear()
			fmt.Fprintf(im.err, "line %d: %s\n", b.line, printable(b.cause))
		}
		im.told++
		if im.report == nil {
			continue
		}
		if _, err := fmt.Fprintf(im.report, "%d\t%s\n", b.line, printable(b.cause)); err != nil {
			return &failure{status: exitFailed, sentence: "the report cannot be written: " + err.Error(), cause: err}
		}
	}
	return nil
}

// tellMore says that not all refused lines were printed.
func (im *importing) tellMore(refused int) {
	if refused <= maxTold {
		return
	}
	all := ""
	if im.report == nil {
		all = "; --report FILE writes them all"
	}
	fmt.Fprintf(im.err, "and %s more%s\n", grouped(refused-maxTold), all)
}
