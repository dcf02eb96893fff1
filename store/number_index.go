package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// The numbers' index names, for each number that is bound, the ids of the
// accounts it is bound to, in ascending order. It stands under the number's tag
// (secret.Keys.NumberTag), so that the database names no number. Phones are
// written and deleted together with it.

// maxNumberAccounts bounds the accounts of one number: half of what fits in a
// value. Who lets so many share a number does not limit them.
const maxNumberAccounts = kv.MaxValue / 2 / len(AccountID{})

func (s *Store) numberKey(e164 string) []byte {
	tag := s.keys.NumberTag(e164)
	return append([]byte{keyNumber}, tag[:]...)
}

func appendAccountIDs(dst []byte, ids []AccountID) []byte {
	for _, id := range ids {
		dst = append(dst, id[:]...)
	}
	return dst
}

func decodeAccountIDs(payload []byte) ([]AccountID, error) {
	const size = len(AccountID{})
	ids := make([]AccountID, 0, len(payload)/size)
	for ; len(payload) >= size; payload = payload[size:] {
		id := AccountID(payload)
		if n := len(ids); id.IsZero() || n > 0 && compareIDs(ids[n-1], id) >= 0 {
			return nil, fmt.Errorf("%w: accounts of a number", ErrDamaged)
		}
		ids = append(ids, id)
	}
	if len(payload) > 0 || len(ids) == 0 {
		return nil, fmt.Errorf("%w: accounts of a number", ErrDamaged)
	}
	return ids, nil
}

func compareIDs(a, b AccountID) int { return bytes.Compare(a[:], b[:]) }

// listed returns the accounts that stand at a key of the index.
func (r *Reader) listed(key []byte) ([]AccountID, error) {
	payload, err := r.payload(key, kv.ErrNotFound)
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return decodeAccountIDs(payload)
}

// NumberAccounts returns how many accounts have the number bound.
func (r *Reader) NumberAccounts(e164 string) (int, error) {
	ids, err := r.listed(r.s.numberKey(e164))
	return len(ids), err
}

// list adds accounts to a key of the index; those that stand there stay.
func (w *Writer) list(key []byte, accts ...AccountID) error {
	ids, err := w.listed(key)
	if err != nil {
		return err
	}
	before := len(ids)
	for _, acct := range accts {
		if at, found := slices.BinarySearchFunc(ids, acct, compareIDs); !found {
			ids = slices.Insert(ids, at, acct)
		}
	}
	if len(ids) == before {
		return nil
	}
	if len(ids) > maxNumberAccounts {
		return fmt.Errorf("%w: more than %d accounts of one number", ErrInvalidRecord, maxNumberAccounts)
	}
	return w.putListed(key, ids)
}

func (w *Writer) putListed(key []byte, ids []AccountID) error {
	if len(ids) == 0 {
		return w.kv.Delete(key)
	}
	value := make([]byte, headerLen, headerLen+len(ids)*len(AccountID{}))
	return w.kv.Put(key, w.s.seal(key, appendAccountIDs(value, ids)))
}

// unlist takes an account from a key of the index. A key that cannot be read is
// left as it is: no phone must stay bound because of it.
func (w *Writer) unlist(key []byte, acct AccountID) error {
	ids, err := w.listed(key)
	if errors.Is(err, ErrDamaged) {
		return nil
	} else if err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(ids, acct, compareIDs)
	if !found {
		return nil
	}
	return w.putListed(key, slices.Delete(ids, at, at+1))
}

// unlistPhone takes the account from the index, before its phone goes. If the
// phone cannot be read, nobody knows the number, and the whole index is looked
// through: seconds at most, and only after damage.
func (w *Writer) unlistPhone(acct AccountID) error {
	p, err := w.Phone(acct)
	switch {
	case errors.Is(err, ErrNoPhone):
		return nil
	case errors.Is(err, ErrDamaged):
		return w.unlistEverywhere(acct)
	case err != nil:
		return err
	}
	return w.unlist(w.s.numberKey(p.Number), acct)
}

func (w *Writer) unlistEverywhere(acct AccountID) error {
	var keys [][]byte
	err := w.kv.Scan([]byte{keyNumber}, nil, func(key, value []byte) error {
		if len(value) > headerLen && bytes.Contains(value[headerLen:], acct[:]) {
			keys = append(keys, bytes.Clone(key))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := w.unlist(key, acct); err != nil {
			return err
		}
	}
	return nil
}
