// Package accountfile reads and writes files of accounts: Dovecot's passwd-file,
// CSV with a line of headers, and JSON with one object on each line.
//
// The columns are those of a passwd-file (Dovecot: src/auth/db-passwd-file.c):
//
//	user      (or address) the address; a name without a domain gets the default one
//	password  stored, with its scheme: "{SSHA}…", "$6$…"; in the clear: "{PLAIN}…"
//	uid, gid  numbers
//	gecos     not read, by Dovecot neither
//	home      the folder as it is: a % in it is one
//	shell     not read either
//	userdb_…  a userdb field of that name; %u, %n, %d and %% in it stand for the
//	          user, its two parts and a percent sign
//
// In a passwd-file the last are words behind the shell, and the word nologin says
// that an account is disabled. CSV and JSON have three columns more:
//
//	phone     the only number that may be bound
//	aliases   other names of the account, with blanks between them
//	disabled  yes or no
//
// Whatever else stands in a line, and would be lost, makes it a bad one.
package accountfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Format is a kind of file.
type Format string

// The formats. CSV is only read.
const (
	Passwd Format = "passwd"
	CSV    Format = "csv"
	JSON   Format = "json"
)

// MaxLine is the longest line, in bytes: with as many aliases as an account may
// have, of the longest, it has 28 KiB.
const MaxLine = 64 << 10

// LineError is a line that cannot be an account. Its text repeats nothing of the
// line that may be a secret.
type LineError struct {
	Line  int
	Cause string // lower case, no full stop
}

// Error names the line and the cause.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Cause) }

// ErrHeader means that a CSV file has no usable line of headers.
var ErrHeader = errors.New("accountfile: the first line does not name the columns")

// Reader reads the accounts of a file, one by one.
type Reader struct {
	in     *bufio.Reader
	line   int
	read   int64
	scheme string
	parse  func(text string, row *row) error
}

// NewReader makes one. scheme is that of stored passwords which name none, "" for
// none. An error wraps ErrHeader, or is one of in.
func NewReader(in io.Reader, f Format, scheme string) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, MaxLine+2), scheme: scheme}
	switch f {
	case Passwd:
		r.parse = parsePasswd
	case JSON:
		r.parse = parseJSON
	case CSV:
		columns, err := r.header()
		if err != nil {
			return nil, err
		}
		r.parse = columns.parse
	default:
		return nil, fmt.Errorf("accountfile: unknown format %q", f)
	}
	return r, nil
}

// Read is how many bytes of the file were read so far.
func (r *Reader) Read() int64 { return r.read }

// Next returns the next account and the number of its line. Empty lines and
// comments are passed over. A *LineError concerns this line only; io.EOF is the
// end, and every other error is the file's.
func (r *Reader) Next() (int, accounts.Portable, error) {
	for {
		text, err := r.next()
		if err != nil {
			return r.line, accounts.Portable{}, err
		}
		if text == "" || text[0] == '#' {
			continue
		}
		var got row
		if err := r.parse(text, &got); err != nil {
			return r.line, accounts.Portable{}, &LineError{r.line, err.Error()}
		}
		p, err := got.account(r.scheme)
		if err != nil {
			return r.line, accounts.Portable{}, &LineError{r.line, err.Error()}
		}
		return r.line, p, nil
	}
}

// next returns the next line without its end.
func (r *Reader) next() (string, error) {
	slice, err := r.in.ReadSlice('\n')
	r.read += int64(len(slice))
	if len(slice) == 0 && err != nil {
		return "", err
	}
	r.line++
	long := false
	for ; errors.Is(err, bufio.ErrBufferFull); r.read += int64(len(slice)) {
		long = true
		slice, err = r.in.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(slice), "\n"), "\r")
	switch {
	case long || len(text) > MaxLine:
		return "", &LineError{r.line, "it is longer than 64 KiB"}
	case !utf8.ValidString(text):
		return "", &LineError{r.line, "it is not text in UTF-8"}
	case strings.IndexByte(text, 0) >= 0:
		return "", &LineError{r.line, "it contains a NUL character"}
	}
	if r.line == 1 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	return text, nil
}

// row collects the columns of a line.
type row struct {
	accounts.Portable
	password string
	given    map[string]bool
}

// set takes the value of a column. An empty one says nothing.
func (r *row) set(column, value string) error {
	key, own := strings.CutPrefix(column, "userdb_")
	if value == "" && !own {
		return nil
	}
	if r.given == nil {
		r.given = make(map[string]bool)
	}
	if r.given[key] && (own || column == "uid" || column == "gid" || column == "home") {
		return fmt.Errorf("the field %s is given twice", quote(key))
	}
	switch {
	case own:
		r.userdb(key, value)
	case column == "user" || column == "address":
		r.Address = value
	case column == "password":
		r.password = value
	case column == "uid" || column == "gid":
		r.userdb(column, value)
	case column == "home":
		r.userdb(column, strings.ReplaceAll(value, "%", "%%"))
	case column == "gecos" || column == "shell":
	case column == "phone":
		r.Phone = value
	case column == "aliases":
		r.Aliases = strings.Fields(value)
	case column == "disabled":
		var err error
		r.Disabled, err = yes(value)
		return err
	default:
		return fmt.Errorf("there is no column %s", quote(column))
	}
	return nil
}

func (r *row) userdb(key, value string) {
	r.given[key] = true
	r.Userdb = append(r.Userdb, store.UserdbField{Key: key, Value: value})
}

// isColumn says whether set knows the name.
func isColumn(name string) bool {
	switch name {
	case "user", "address", "password", "uid", "gid", "home", "gecos", "shell", "phone", "aliases", "disabled":
		return true
	}
	return strings.HasPrefix(name, "userdb_")
}

// seenColumns are the columns of a header or an object so far: by what they are,
// as they are called there.
type seenColumns map[string]string

// add refuses a column that there is not, and one that is there already, be it by
// its other name.
func (s seenColumns) add(name string) error {
	column := name
	if name == "address" {
		column = "user"
	}
	was, seen := s[column]
	switch {
	case !isColumn(name):
		return fmt.Errorf("there is no column %s", quote(name))
	case seen && was == name:
		return fmt.Errorf("the column %s stands there twice", quote(name))
	case seen:
		return fmt.Errorf("the columns %s and %s are the same", quote(was), quote(name))
	}
	s[column] = name
	return nil
}

// yes reads what people write for yes and no.
func yes(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "yes", "y", "true", "1":
		return true, nil
	case "no", "n", "false", "0":
		return false, nil
	}
	return false, errors.New("disabled is neither yes nor no")
}

// account is the row as it is meant.
func (r *row) account(scheme string) (accounts.Portable, error) {
	if r.Address == "" {
		return accounts.Portable{}, errors.New("there is no user name")
	}
	stored := r.password
	if stored != "" && stored[0] != '{' && scheme != "" {
		stored = "{" + scheme + "}" + stored
	}
	if stored != "" {
		r.Password = secret.New(stored)
	}
	return r.Portable, nil
}

// quote makes a name from outside fit for a sentence.
func quote(name string) string {
	const most = 64
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf("%q", accounts.Printable(name))
}
