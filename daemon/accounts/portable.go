package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Portable is an account as it is carried from one system to another. What rests
// on this machine's key or on its owner's doing (app passwords, a bound phone,
// devices) is not carried.
type Portable struct {
	Address  string
	Password secret.Secret       // stored, with its scheme: "{SSHA}…", "$6$…", "{PLAIN}…"; zero: no main password
	Userdb   []store.UserdbField // its own
	Phone    string              // the only number that may be bound; "": any
	Aliases  []string            // its other names
	Disabled bool
}

// carried is a Portable that can be added.
type carried struct {
	row       int // in its page
	name      string
	hash      string
	cleartext secret.Secret // is to be hashed, if not zero
	userdb    []store.UserdbField
	phone     string // E.164
	aliases   []string
	disabled  bool
}

// unpack checks all of a row that can be checked by itself. The error is a
// sentence that repeats nothing of the row but the keys of userdb fields.
func (s *Service) unpack(row int, p Portable) (carried, error) {
	c := carried{row: row, disabled: p.Disabled}
	var err error
	if c.name, err = sasl.PrepareName(p.Address, s.Config().Auth.DefaultDomain); err == nil {
		err = sasl.CheckNewAddress(c.name)
	}
	if err != nil {
		return c, badAddress(p.Address, err)
	}
	if err := c.unpackPassword(p.Password.Reveal()); err != nil {
		return c, err
	}
	if p.Phone != "" {
		if c.phone, err = s.allowedNumber(p.Phone); err != nil {
			return c, err
		}
	}
	if c.aliases, err = s.unpackAliases(p.Aliases, c.name); err != nil {
		return c, err
	}
	for _, f := range p.Userdb {
		if err := config.CheckUserdbField(f.Key, f.Value); err != nil {
			return c, fieldError("userdb field %s %v", brief(f.Key), err)
		}
		if slices.ContainsFunc(c.userdb, func(g store.UserdbField) bool { return g.Key == f.Key }) {
			return c, fieldError("userdb field %s is given twice", brief(f.Key))
		}
		c.userdb = append(c.userdb, f)
	}
	slices.SortFunc(c.userdb, func(a, b store.UserdbField) int { return strings.Compare(a.Key, b.Key) })
	return c, fits(c.userdb, c.name)
}

// unpackAliases checks what can be checked of an account's aliases without the others.
func (s *Service) unpackAliases(typed []string, address string) ([]string, error) {
	if len(typed) > store.MaxAliases {
		return nil, &Error{Kind: ErrTooManyAliases, Sentence: fmt.Sprintf("there are more than %d aliases", store.MaxAliases)}
	}
	var names []string
	for _, alias := range typed {
		name, err := s.newAlias(alias)
		switch {
		case err != nil:
			return nil, err
		case name == address:
			return nil, &Error{Kind: ErrAddress, Sentence: "an alias is the account's own address"}
		case slices.Contains(names, name):
			return nil, &Error{Kind: ErrAddress, Sentence: "an alias is given twice"}
		}
		names = append(names, name)
	}
	return names, nil
}

// locked says whether what stands in a passwd or shadow file can be no hash, so that
// nobody gets in: as passwd(1) writes it, or another system's.
func locked(field string) bool {
	return strings.Trim(field, "*!") == "" || field[0] == '!' ||
		strings.HasPrefix(field, "*LK*") || strings.HasPrefix(field, "*NP*") || strings.HasPrefix(field, "*LOCKED*")
}

// unpackPassword takes a stored hash as it is, and a password in the clear to be
// hashed. That was chosen under another site's rules: it may be shorter than a new
// one.
func (c *carried) unpackPassword(stored string) error {
	if stored == "" {
		return nil
	}
	bad := func(sentence string) error { return &Error{Kind: ErrPassword, Sentence: sentence} }
	const crypt = "{CRYPT}"
	field := stored
	if len(field) >= len(crypt) && strings.EqualFold(field[:len(crypt)], crypt) {
		field = field[len(crypt):]
	}
	switch {
	case locked(field):
		return bad("the password is locked: leave it out, or say that the account is disabled")
	case field == "x":
		return bad("the password is not here: x stands for one in /etc/shadow")
	}
	password, cleartext, err := secret.Cleartext(stored)
	switch {
	case cleartext && err == nil:
		p := password.Reveal()
		switch {
		case p == "":
			return bad("the password is empty")
		case len(p) > MaxPassword:
			return bad("the password is longer than 1024 bytes")
		case !utf8.ValidString(p) || strings.IndexByte(p, 0) >= 0:
			return bad("the password is not text in UTF-8")
		}
		c.cleartext = password
		return nil
	case err == nil:
		c.hash, err = secret.Import(stored)
	}
	switch {
	case errors.Is(err, secret.ErrTooCostly):
		return bad("the stored password is too costly to check: more than 64 MiB or about one second")
	case errors.Is(err, secret.ErrUnknownScheme):
		return &Error{Kind: ErrPassword, Sentence: "the stored password is of a scheme that is not known here",
			Hint: "if it is in the clear, write {PLAIN} before it"}
	case err != nil:
		return bad("the stored password is malformed")
	}
	return nil
}
