package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxAccounts = 1 << 20
	maxLine     = 4096 // of an accounts file
)

// ErrAccounts is wrapped by what ReadAccounts returns for a file that is no list
// of accounts.
var ErrAccounts = errors.New("bench: bad accounts file")

// Account is one that logs in. It holds a secret, so it prints as its name.
type Account struct {
	name         string
	user, secret []byte // the messages of LOGIN
	plain        []byte // the message of PLAIN (RFC 4616)
}

// NewAccount returns an account.
func NewAccount(name, secret string) Account {
	return Account{name: name, user: []byte(name), secret: []byte(secret), plain: []byte("\x00" + name + "\x00" + secret)}
}

// String returns the name.
func (a Account) String() string { return a.name }

// GoString returns the name, so that no verb shows the secret.
func (a Account) GoString() string { return a.name }

// ReadAccounts reads lines of a name and its secret with a tab or a colon
// between them; a tab counts if there is one. Empty lines and those that begin
// with '#' are passed over.
// Errors name the line and show nothing of it.
func ReadAccounts(r io.Reader) ([]Account, error) {
	var list []Account
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		name, secret, found := strings.Cut(line, "\t")
		if !found {
			name, secret, found = strings.Cut(line, ":")
		}
		switch {
		case !found || name == "" || secret == "":
			return nil, fmt.Errorf("%w: line %d is not name<TAB>secret or name:secret", ErrAccounts, n)
		case strings.ContainsRune(line, 0):
			return nil, fmt.Errorf("%w: line %d has a NUL in it", ErrAccounts, n)
		case len(list) == maxAccounts:
			return nil, fmt.Errorf("%w: more than %d accounts", ErrAccounts, maxAccounts)
		}
		list = append(list, NewAccount(name, secret))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrAccounts, n+1, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no account in it", ErrAccounts)
	}
	return list, nil
}
