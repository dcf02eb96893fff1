package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Reader reads records in a transaction.
type Reader struct {
	s  *Store
	kv kv.Reader
}

// lookup is one Store.Account on its way, kept for reuse so that a login
// allocates neither a key nor a closure.
type lookup struct {
	s       *Store
	name    string
	key     []byte
	account *Account
	run     func(kv.Reader) error
}

func newLookup(s *Store) *lookup {
	l := &lookup{s: s, key: make([]byte, 0, 1+maxAddress)}
	l.run = l.view
	return l
}

func (l *lookup) view(r kv.Reader) error {
	var err error
	l.account, err = l.s.readNamed(r, l.key, l.name)
	return err
}

// Account returns the account that has the prepared name as its address, or else
// as an alias. An address is one read, one MAC check; an alias, which is looked
// for only where no address was found, two more. ErrNoAccount means that the
// store looked and there is none; any other error that it could not say.
func (s *Store) Account(ctx context.Context, name string) (*Account, error) {
	if !validAddress(name) {
		return nil, ErrNoAccount
	}
	l := s.lookups.Get().(*lookup)
	l.name, l.key = name, appendAccountKey(l.key[:0], name)
	err := s.engine.View(ctx, l.run)
	account := l.account
	l.name, l.account = "", nil
	s.lookups.Put(l)
	if err != nil {
		return nil, err
	}
	return account, nil
}

// Account returns the account at the prepared name address, ErrNoAccount, or
// ErrDamaged. It follows no alias: what is changed has to be named itself.
func (r *Reader) Account(address string) (*Account, error) {
	if !validAddress(address) {
		return nil, ErrNoAccount
	}
	return r.s.readAccount(r.kv, appendAccountKey(nil, address), address)
}

// Named returns the account that has the prepared name as its address, or else as
// an alias, as Store.Account does.
func (r *Reader) Named(name string) (*Account, error) {
	if !validAddress(name) {
		return nil, ErrNoAccount
	}
	return r.s.readNamed(r.kv, appendAccountKey(nil, name), name)
}

// readNamed finds an account by its address, whose key is given, or by an alias.
func (s *Store) readNamed(r kv.Reader, key []byte, name string) (*Account, error) {
	account, err := s.getAccount(r, key, name)
	if !errors.Is(err, kv.ErrNotFound) {
		return account, err
	}
	alias := appendAliasKey(nil, name)
	account, err = s.readAliased(r, alias)
	if errors.Is(err, kv.ErrNotFound) {
		err = s.confirmMissing(r, alias)
	}
	if errors.Is(err, ErrNoAccount) {
		err = s.confirmMissing(r, key)
	}
	return account, err
}

func (s *Store) readAccount(r kv.Reader, key []byte, address string) (*Account, error) {
	account, err := s.getAccount(r, key, address)
	if errors.Is(err, kv.ErrNotFound) {
		return nil, s.confirmMissing(r, key)
	}
	return account, err
}

// getAccount returns the account at key, or kv.ErrNotFound.
func (s *Store) getAccount(r kv.Reader, key []byte, address string) (*Account, error) {
	value, err := r.Get(key)
	if err != nil {
		return nil, err
	}
	payload, err := s.unseal(key, value)
	if err != nil {
		return nil, &DamagedAccountError{Address: address, err: err}
	}
	account, err := decodeAccount(address, payload)
	if err != nil {
		return nil, &DamagedAccountError{Address: address, err: err}
	}
	return account, nil
}

// confirmMissing returns ErrNoAccount if nothing speaks against it: key, an
// account's or an alias's, was not found. "No such account" bounces mail for good,
// and a MAC cannot tell that a record is not there. But where a key was damaged in
// place, it is now a neighbour of the one looked for, and its value's MAC was made
// for another key; and some key above all accounts' exists in every database
// (keys.go). What this cannot see: a page that lost count of its keys, a page
// number that leads to an older copy.
func (s *Store) confirmMissing(r kv.Reader, key []byte) error {
	beside, ok := r.(kv.Neighbourer)
	if !ok {
		return ErrNoAccount
	}
	above := false
	err := beside.Neighbours(key, func(beside, value []byte) error {
		above = above || bytes.Compare(beside, key) > 0
		_, err := s.unseal(beside, value)
		return err
	})
	if err != nil {
		return err
	}
	if !above {
		return fmt.Errorf("%w: the database has lost its end", ErrDamaged)
	}
	return ErrNoAccount
}

// Accounts returns up to limit accounts (at most 1,000) whose addresses come
// after the given one, in order. Damaged records are left out of the page and
// joined into an error beside it, each with its address: the page is good
// without them. The next page starts after the last address of either.
func (r *Reader) Accounts(after string, limit int) ([]*Account, error) {
	limit = min(limit, maxPage)
	var page []*Account
	var damaged []error
	prefix := []byte{keyAccount}
	err := r.kv.Scan(prefix, appendAccountKey(nil, after), func(key, value []byte) error {
		if len(page)+len(damaged) >= limit {
			return kv.ErrStop
		}
		address := string(key[len(prefix):])
		payload, err := r.s.unseal(key, value)
		if err == nil {
			var a *Account
			if a, err = decodeAccount(address, payload); err == nil {
				page = append(page, a)
				return nil
			}
		}
		damaged = append(damaged, &DamagedAccountError{Address: address, err: err})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page, errors.Join(damaged...)
}

// Addresses returns the addresses of up to limit accounts (at most 1,000) that come
// after the given one, in order, and where the next page starts, "" after the last.
// As with Accounts, damaged records are left out of a good page and joined into an
// error beside it.
func (s *Store) Addresses(ctx context.Context, after string, limit int) (page []string, next string, err error) {
	limit = min(limit, maxPage)
	var damaged []error
	err = s.engine.View(ctx, func(r kv.Reader) error {
		page, next, damaged = nil, "", nil // it may run again
		last := ""
		return r.Scan([]byte{keyAccount}, appendAccountKey(nil, after), func(key, value []byte) error {
			if len(page)+len(damaged) >= limit {
				next = last
				return kv.ErrStop
			}
			last = string(key[1:])
			if _, err := s.unseal(key, value); err != nil {
				damaged = append(damaged, &DamagedAccountError{Address: last, err: err})
				return nil
			}
			page = append(page, last)
			return nil
		})
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, errors.Join(damaged...)
}

// maxPage is the most records that one page holds.
const maxPage = 1000

// DamagedAccountError is ErrDamaged with the address of the account it is about.
type DamagedAccountError struct {
	Address string
	err     error
}

// Error names the address.
func (e *DamagedAccountError) Error() string { return fmt.Sprintf("%v (%s)", e.err, e.Address) }

// Unwrap returns ErrDamaged.
func (e *DamagedAccountError) Unwrap() error { return e.err }

// payload returns the checked payload at key; missing is the error for none.
func (r *Reader) payload(key []byte, missing error) ([]byte, error) {
	value, err := r.kv.Get(key)
	if errors.Is(err, kv.ErrNotFound) {
		return nil, missing
	} else if err != nil {
		return nil, err
	}
	return r.s.unseal(key, value)
}

// scanBelow calls fn with the rest of the key and the checked payload of each
// record of one kind below the account id.
func (r *Reader) scanBelow(id AccountID, kind byte, fn func(rest string, payload []byte) error) error {
	prefix := belowKey(id, kind, "")
	return r.kv.Scan(prefix, nil, func(key, value []byte) error {
		payload, err := r.s.unseal(key, value)
		if err != nil {
			return err
		}
		return fn(string(key[len(prefix):]), payload)
	})
}

// listBelow decodes the records of one kind below the account id. Damaged ones
// are left out and joined into an error beside the list.
func listBelow[T any](r *Reader, id AccountID, kind byte, decode func(AccountID, string, []byte) (T, error)) ([]T, error) {
	var list []T
	var damaged []error
	prefix := belowKey(id, kind, "")
	err := r.kv.Scan(prefix, nil, func(key, value []byte) error {
		payload, err := r.s.unseal(key, value)
		if err == nil {
			var record T
			if record, err = decode(id, string(key[len(prefix):]), payload); err == nil {
				list = append(list, record)
				return nil
			}
		}
		damaged = append(damaged, err)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, errors.Join(damaged...)
}
