package store

import (
	"bytes"
	"fmt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Writer reads and writes records in a transaction; it sees its own changes.
type Writer struct {
	Reader
	kv    kv.Writer
	added []string // owners of the events that were put
}

// CreateAccount makes an account with a new random id, or returns
// ErrAccountExists or ErrAliasExists. mainHash is a stored hash (secret.Hash), or
// "" for none.
func (w *Writer) CreateAccount(address, mainHash string) (*Account, error) {
	if err := w.checkFree(address); err != nil {
		return nil, err
	}
	id, err := newAccountID(w.s.rand)
	if err != nil {
		return nil, err
	}
	if err := w.kv.Delete(appendAliasKey(nil, address)); err != nil { // of an account that is gone
		return nil, err
	}
	a := &Account{Address: address, ID: id, MainHash: mainHash}
	if err := w.PutAccount(a); err != nil {
		return nil, err
	}
	return a, nil
}

// PutAccount writes the hot record at a.Address.
func (w *Writer) PutAccount(a *Account) error {
	if err := a.check(); err != nil {
		return err
	}
	size := headerLen + accountFixedLen + len(a.MainHash) + 2 + len(a.AppPasswords)*accountRowLen
	key := appendAccountKey(nil, a.Address)
	value := appendAccount(make([]byte, headerLen, size), a)
	return w.kv.Put(key, w.s.seal(key, value))
}

// DeleteAccount removes the account's record, all that hangs below its id, its
// aliases and its place in the numbers' index. Its events stay until they age. It returns ErrNoAccount if the address has no
// account of this id any more.
func (w *Writer) DeleteAccount(a *Account) error {
	now, err := w.Account(a.Address)
	if err != nil {
		return err
	}
	if now.ID != a.ID {
		return ErrNoAccount
	}
	if err := w.unlistPhone(a.ID); err != nil {
		return err
	}
	if err := w.dropAliases(a.ID); err != nil {
		return err
	}
	below, err := w.keys(belowPrefix(a.ID))
	if err != nil {
		return err
	}
	return w.deleteKeys(append(below, appendAccountKey(nil, a.Address)))
}

// keysBelow returns the keys of all records of one kind below the account id, of
// damaged ones too; rest, unless empty, is what follows the kind.
func (w *Writer) keysBelow(id AccountID, kind byte, rest string) ([][]byte, error) {
	return w.keys(belowKey(id, kind, rest))
}

func (w *Writer) keys(prefix []byte) ([][]byte, error) {
	var keys [][]byte
	err := w.kv.Scan(prefix, nil, func(key, _ []byte) error {
		keys = append(keys, bytes.Clone(key))
		return nil
	})
	return keys, err
}

func (w *Writer) deleteKeys(keys [][]byte) error {
	for _, key := range keys {
		if err := w.kv.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// putCold writes a CBOR record.
func putCold[T any](w *Writer, key []byte, record T) error {
	value, err := encode(w.s, record)
	if err != nil {
		return err
	}
	return w.kv.Put(key, w.s.seal(key, value))
}

// checkTexts returns ErrInvalidRecord if a text is longer than maxText bytes or
// no UTF-8, which CBOR would write and then refuse to read.
func checkTexts(what string, texts ...string) error {
	for _, text := range texts {
		if text != clip(text) {
			return fmt.Errorf("%w: %s", ErrInvalidRecord, what)
		}
	}
	return nil
}
