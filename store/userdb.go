package store

import (
	"context"
	"fmt"
	"strings"
)

// UserdbField is one of an account's own userdb fields, in place of what the
// configuration says for all accounts. Only look-ups of users read them: logins
// need nothing but the hot record.
type UserdbField struct {
	Key   string `json:"key"`
	Value string `json:"value"` // a template: config.Template
}

// Bounds of an account's own userdb fields.
const (
	MaxUserdbFields = 32
	// MaxUserdbBytes is the most that all keys and values have together: half of
	// what fits in an answer of the Dovecot auth protocol.
	MaxUserdbBytes = 4096
	MaxUserdbKey   = 64
	MaxUserdbValue = maxText
)

// userdbRecord is an account's own userdb fields on disk, in the order of keys.
type userdbRecord struct {
	Fields []userdbFieldRecord `cbor:"1,keyasint"`
}

type userdbFieldRecord struct {
	Key   string `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint"`
}

func (s *Store) decodeUserdb(payload []byte) ([]UserdbField, error) {
	r, err := decode[userdbRecord](s, payload)
	if err != nil {
		return nil, err
	}
	fields := make([]UserdbField, len(r.Fields))
	for i, f := range r.Fields {
		fields[i] = UserdbField(f)
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("%w: userdb without fields", ErrDamaged)
	}
	return fields, damagedIf(checkUserdb(fields))
}

// checkUserdb returns ErrInvalidRecord for fields that must not be written.
func checkUserdb(fields []UserdbField) error {
	size, last := 0, ""
	for _, f := range fields {
		if f.Key <= last || len(f.Key) > MaxUserdbKey || f.Value == "" || strings.ContainsFunc(f.Key+f.Value, isControl) {
			return fmt.Errorf("%w: userdb field", ErrInvalidRecord)
		}
		if err := checkTexts("userdb field", f.Key, f.Value); err != nil {
			return err
		}
		size, last = size+len(f.Key)+len(f.Value), f.Key
	}
	if len(fields) > MaxUserdbFields || size > MaxUserdbBytes {
		return fmt.Errorf("%w: more than %d userdb fields, or %d bytes of them", ErrInvalidRecord, MaxUserdbFields, MaxUserdbBytes)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Userdb returns the account's own userdb fields in the order of their keys; most
// accounts have none. The hot record says whether there are some, so that one that
// is lost is damage: mail must not go to the home of a template meanwhile.
func (r *Reader) Userdb(a *Account) ([]UserdbField, error) {
	if !a.OwnUserdb {
		return nil, nil
	}
	lost := fmt.Errorf("%w: userdb fields are not there", ErrDamaged)
	payload, err := r.payload(belowKey(a.ID, belowUserdb, ""), lost)
	if err != nil {
		return nil, err
	}
	return r.s.decodeUserdb(payload)
}

// AccountUserdb returns an account as Account does, by an alias too, and its own
// userdb fields.
func (s *Store) AccountUserdb(ctx context.Context, name string) (*Account, []UserdbField, error) {
	var account *Account
	var fields []UserdbField
	err := s.View(ctx, func(r *Reader) (err error) {
		if account, err = r.Named(name); err != nil {
			return err
		}
		fields, err = r.Userdb(account)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return account, fields, nil
}

// PutUserdb writes the account's own userdb fields, which stand in the order of
// their keys, in the place of earlier ones; none at all removes the record. One
// that cannot be read is replaced. It sets a.OwnUserdb, which is the caller's to
// write in the same transaction: PutAccount.
func (w *Writer) PutUserdb(a *Account, fields []UserdbField) error {
	if a.ID.IsZero() {
		return fmt.Errorf("%w: userdb fields without account", ErrInvalidRecord)
	}
	key := belowKey(a.ID, belowUserdb, "")
	if len(fields) == 0 {
		a.OwnUserdb = false
		return w.kv.Delete(key)
	}
	if err := checkUserdb(fields); err != nil {
		return err
	}
	record := userdbRecord{Fields: make([]userdbFieldRecord, len(fields))}
	for i, f := range fields {
		record.Fields[i] = userdbFieldRecord(f)
	}
	a.OwnUserdb = true
	return putCold(w, key, record)
}
