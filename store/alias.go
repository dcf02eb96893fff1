package store

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// MaxAliases is the most aliases an account may have.
const MaxAliases = 100

// Alias is a further name of an account, and who gave it. Times are kept in
// seconds.
type Alias struct {
	Name string    `json:"alias"` // prepared, like an address
	Made time.Time `json:"made"`
	By   Actor     `json:"by"`
}

// aliasRecord is what is on disk of Alias below its account.
type aliasRecord struct {
	Made int64  `cbor:"1,keyasint"`
	By   string `cbor:"2,keyasint,omitempty"`
}

// aliasOf is what stands under an alias, and what a login reads of it: id (8) ‖
// address. The address leads to the account; the id makes sure that it is still
// the one that was meant.
type aliasOf struct {
	acct    AccountID
	address string
}

func appendAliasKey(dst []byte, name string) []byte {
	return append(append(dst, keyAlias), name...)
}

func appendAliasOf(dst []byte, of aliasOf) []byte {
	return append(append(dst, of.acct[:]...), of.address...)
}

func decodeAliasOf(payload []byte) (aliasOf, error) {
	if len(payload) <= len(AccountID{}) {
		return aliasOf{}, fmt.Errorf("%w: alias", ErrDamaged)
	}
	of := aliasOf{AccountID(payload), string(payload[len(AccountID{}):])}
	if of.acct.IsZero() || !validAddress(of.address) {
		return aliasOf{}, fmt.Errorf("%w: alias", ErrDamaged)
	}
	return of, nil
}

func (s *Store) decodeAlias(name string, payload []byte) (Alias, error) {
	record, err := decode[aliasRecord](s, payload)
	return Alias{Name: name, Made: fromSeconds(record.Made), By: Actor(record.By)}, err
}

// readAliasOf returns what stands at an alias's key, or kv.ErrNotFound.
func (s *Store) readAliasOf(r kv.Reader, key []byte) (aliasOf, error) {
	value, err := r.Get(key)
	if err != nil {
		return aliasOf{}, err
	}
	payload, err := s.unseal(key, value)
	if err != nil {
		return aliasOf{}, err
	}
	return decodeAliasOf(payload)
}

// readAliased returns the account that an alias leads to, kv.ErrNotFound if there
// is no such alias, or ErrNoAccount if its account is gone: one made later under
// that address is another.
func (s *Store) readAliased(r kv.Reader, key []byte) (*Account, error) {
	of, err := s.readAliasOf(r, key)
	if err != nil {
		return nil, err
	}
	account, err := s.readAccount(r, appendAccountKey(nil, of.address), of.address)
	if err != nil {
		return nil, err
	}
	if account.ID != of.acct {
		return nil, ErrNoAccount
	}
	return account, nil
}

// Aliases returns the account's aliases, in order. Damaged ones are left out and
// joined into an error beside the list.
func (r *Reader) Aliases(acct AccountID) ([]Alias, error) {
	return listBelow(r, acct, belowAlias, func(_ AccountID, name string, payload []byte) (Alias, error) {
		return r.s.decodeAlias(name, payload)
	})
}

// AddAlias gives the account another name: ErrAccountExists if an account has
// it, ErrAliasExists if it is an alias already, ErrInvalidRecord beyond
// MaxAliases. PutAccount of a in the same transaction is the caller's.
func (w *Writer) AddAlias(a *Account, x Alias) error {
	if a.ID.IsZero() || !validAddress(x.Name) || !utf8.ValidString(x.Name) {
		return fmt.Errorf("%w: alias", ErrInvalidRecord)
	}
	if err := checkTexts("alias", string(x.By)); err != nil {
		return err
	}
	if err := w.checkFree(x.Name); err != nil {
		return err
	}
	have, err := w.keysBelow(a.ID, belowAlias, "")
	if err != nil {
		return err
	}
	if len(have) >= MaxAliases {
		return fmt.Errorf("%w: more than %d aliases", ErrInvalidRecord, MaxAliases)
	}
	key := appendAliasKey(nil, x.Name)
	value := appendAliasOf(make([]byte, headerLen), aliasOf{a.ID, a.Address})
	if err := w.kv.Put(key, w.s.seal(key, value)); err != nil {
		return err
	}
	return putCold(w, belowKey(a.ID, belowAlias, x.Name), aliasRecord{Made: seconds(x.Made), By: string(x.By)})
}

// checkFree returns ErrAccountExists or ErrAliasExists unless the name is free.
// An alias whose account is gone is in nobody's way.
func (w *Writer) checkFree(name string) error {
	account, err := w.Named(name)
	switch {
	case errors.Is(err, ErrNoAccount):
		return nil
	case err != nil:
		return err
	case account.Address == name:
		return ErrAccountExists
	}
	return ErrAliasExists
}

// DeleteAlias takes a name from the account, a damaged record of it, too. It
// returns ErrNoAlias if it has none of that name.
func (w *Writer) DeleteAlias(acct AccountID, name string) error {
	below := belowKey(acct, belowAlias, name)
	if _, err := w.kv.Get(below); errors.Is(err, kv.ErrNotFound) {
		return ErrNoAlias
	} else if err != nil {
		return err
	}
	if err := w.dropAlias(acct, name); err != nil {
		return err
	}
	return w.kv.Delete(below)
}

// dropAliases removes what the account's aliases are found by, before all that
// is below the account goes.
func (w *Writer) dropAliases(acct AccountID) error {
	keys, err := w.keysBelow(acct, belowAlias, "")
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := w.dropAlias(acct, strings.TrimPrefix(string(key), string(belowKey(acct, belowAlias, "")))); err != nil {
			return err
		}
	}
	return nil
}

// dropAlias removes an alias's own record unless it is another account's.
func (w *Writer) dropAlias(acct AccountID, name string) error {
	key := appendAliasKey(nil, name)
	of, err := w.s.readAliasOf(w.kv, key)
	switch {
	case errors.Is(err, kv.ErrNotFound), err == nil && of.acct != acct:
		return nil
	case err != nil && !errors.Is(err, ErrDamaged):
		return err
	}
	return w.kv.Delete(key)
}
