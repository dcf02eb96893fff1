package store

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// SCRAMKeys are what an account's app passwords are checked by in SCRAM. All
// share one salt, as the server has to name it before it knows which of them is
// coming; it stays once it is made. The record is sealed at rest. Nothing can be
// tried against it without the key file, and whoever has that as well finds 72
// random bits behind each key.
type SCRAMKeys struct {
	Salt       []byte // 8 to 64 bytes
	Iterations uint32
	Rows       []SCRAMRow // of live app passwords and of headstones
}

// SCRAMRow is one app password's part.
type SCRAMRow struct {
	ID   AppPasswordID
	Keys []byte // 1 to 256 bytes, of a meaning that is not the store's
}

// String tells how many there are and nothing else.
func (k SCRAMKeys) String() string { return fmt.Sprintf("SCRAM keys of %d app passwords", len(k.Rows)) }

// GoString is String: %#v must not walk the fields.
func (k SCRAMKeys) GoString() string { return k.String() }

// MarshalText is String, in JSON and in logs.
func (k SCRAMKeys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// String names the app password and nothing else.
func (r SCRAMRow) String() string { return "SCRAM keys of " + r.ID.String() }

// GoString is String: %#v must not walk the fields.
func (r SCRAMRow) GoString() string { return r.String() }

// MarshalText is String, in JSON and in logs.
func (r SCRAMRow) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// The record, version 1, before it is sealed; integers are big-endian:
//
//	version (1) ‖ iterations (4) ‖ len (1) ‖ salt ‖ rows (2) ‖
//	rows × [ app password's id (8) ‖ len (2) ‖ keys ]
const (
	scramVersion  = 1
	scramFixedLen = 1 + 4 + 1
	scramRowLen   = len(AppPasswordID{}) + 2

	minSCRAMSalt = 8
	maxSCRAMSalt = 64
	maxSCRAMKeys = 256
)

func (k *SCRAMKeys) check() error {
	switch {
	case len(k.Salt) < minSCRAMSalt || len(k.Salt) > maxSCRAMSalt || k.Iterations == 0:
		return fmt.Errorf("%w: SCRAM salt or iterations", ErrInvalidRecord)
	case len(k.Rows) > MaxAppPasswordRows:
		return fmt.Errorf("%w: SCRAM keys of more than %d app passwords", ErrInvalidRecord, MaxAppPasswordRows)
	}
	for _, r := range k.Rows {
		if r.ID.IsZero() || len(r.Keys) == 0 || len(r.Keys) > maxSCRAMKeys {
			return fmt.Errorf("%w: SCRAM keys without id, or of the wrong length", ErrInvalidRecord)
		}
	}
	return nil
}

func appendSCRAMKeys(dst []byte, k *SCRAMKeys) []byte {
	dst = append(dst, scramVersion)
	dst = binary.BigEndian.AppendUint32(dst, k.Iterations)
	dst = append(dst, byte(len(k.Salt)))
	dst = append(dst, k.Salt...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(k.Rows)))
	for _, r := range k.Rows {
		dst = append(dst, r.ID[:]...)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.Keys)))
		dst = append(dst, r.Keys...)
	}
	return dst
}

// decodeSCRAMKeys undoes appendSCRAMKeys; nothing else is taken. What it returns
// shares memory with b.
func decodeSCRAMKeys(b []byte) (SCRAMKeys, error) {
	damaged := fmt.Errorf("%w: SCRAM keys", ErrDamaged)
	if len(b) < scramFixedLen || b[0] != scramVersion {
		return SCRAMKeys{}, damaged
	}
	k := SCRAMKeys{Iterations: binary.BigEndian.Uint32(b[1:])}
	salt := int(b[5])
	if b = b[scramFixedLen:]; len(b) < salt+2 {
		return SCRAMKeys{}, damaged
	}
	k.Salt = b[:salt:salt]
	rows := int(binary.BigEndian.Uint16(b[salt:]))
	if b = b[salt+2:]; rows > len(b)/scramRowLen {
		return SCRAMKeys{}, damaged
	}
	k.Rows = make([]SCRAMRow, rows)
	for i := range k.Rows {
		if len(b) < scramRowLen {
			return SCRAMKeys{}, damaged
		}
		k.Rows[i].ID = AppPasswordID(b)
		n := int(binary.BigEndian.Uint16(b[len(AppPasswordID{}):]))
		if b = b[scramRowLen:]; len(b) < n {
			return SCRAMKeys{}, damaged
		}
		k.Rows[i].Keys, b = b[:n:n], b[n:]
	}
	if len(b) > 0 {
		return SCRAMKeys{}, damaged
	}
	return k, damagedIf(k.check())
}

func (s *Store) openSCRAMKeys(key, sealed []byte) (SCRAMKeys, error) {
	plain, err := s.keys.Open(key, sealed)
	if err != nil {
		return SCRAMKeys{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return decodeSCRAMKeys(plain)
}

// SCRAM returns the account that has the prepared name, as Account finds it, with
// its SCRAM keys, of one moment: one read more. Keys without a salt: none were
// ever made. ErrNoAccount means that the store looked and there is none; any other
// error that it could not say, and keys that are damaged are such a case.
//
// It takes about as long whether or not there is such an account, and whether or
// not it has keys: where there are none, others are opened and forgotten.
func (s *Store) SCRAM(ctx context.Context, name string) (*Account, SCRAMKeys, error) {
	var account *Account
	var keys SCRAMKeys
	err := s.View(ctx, func(r *Reader) error {
		var id AccountID
		var err error
		address := name
		account, err = r.Named(name)
		if err == nil {
			id, address = account.ID, account.Address
		} else if !errors.Is(err, ErrNoAccount) {
			return err
		}
		var damage error
		keys, damage = r.SCRAMKeys(id)
		if errors.Is(damage, ErrNoSCRAMKeys) {
			_, damage = s.openSCRAMKeys(decoyKey(), s.decoy)
		}
		if errors.Is(damage, ErrDamaged) {
			damage = &DamagedAccountError{Address: address, err: damage}
		}
		return errors.Join(err, damage)
	})
	if err != nil {
		return nil, SCRAMKeys{}, err
	}
	return account, keys, nil
}

// SCRAMKeys returns the account's SCRAM keys, or ErrNoSCRAMKeys.
func (r *Reader) SCRAMKeys(acct AccountID) (SCRAMKeys, error) {
	key := belowKey(acct, belowSCRAMKeys, "")
	sealed, err := r.payload(key, ErrNoSCRAMKeys)
	if err != nil {
		return SCRAMKeys{}, err
	}
	return r.s.openSCRAMKeys(key, sealed)
}

// PutSCRAMKeys writes the account's SCRAM keys in the place of all earlier ones.
func (w *Writer) PutSCRAMKeys(acct AccountID, k SCRAMKeys) error {
	if acct.IsZero() {
		return fmt.Errorf("%w: SCRAM keys without account", ErrInvalidRecord)
	}
	if err := k.check(); err != nil {
		return err
	}
	key := belowKey(acct, belowSCRAMKeys, "")
	sealed, err := w.s.keys.Seal(w.s.rand, key, appendSCRAMKeys(nil, &k))
	if err != nil {
		return err
	}
	return w.kv.Put(key, w.s.seal(key, append(make([]byte, headerLen), sealed...)))
}

// deleteSCRAMRow removes one app password's keys. A record that cannot be read is
// left as it is: nothing else about the app password depends on it.
func (w *Writer) deleteSCRAMRow(acct AccountID, id AppPasswordID) error {
	k, err := w.SCRAMKeys(acct)
	switch {
	case errors.Is(err, ErrNoSCRAMKeys), errors.Is(err, ErrDamaged):
		return nil
	case err != nil:
		return err
	}
	before := len(k.Rows)
	k.Rows = slices.DeleteFunc(k.Rows, func(r SCRAMRow) bool { return r.ID == id })
	if len(k.Rows) == before {
		return nil
	}
	return w.PutSCRAMKeys(acct, k)
}

// decoyKey is that of an account that does not exist.
func decoyKey() []byte { return belowKey(AccountID{}, belowSCRAMKeys, "") }

// makeDecoy seals what stands in for the keys of accounts that have none: as many
// as most accounts have.
func (s *Store) makeDecoy() error {
	k := SCRAMKeys{Salt: make([]byte, 16), Iterations: 1}
	for i := range 3 {
		k.Rows = append(k.Rows, SCRAMRow{ID: AppPasswordID{byte(i + 1)}, Keys: make([]byte, maxSCRAMKeys/2)})
	}
	var err error
	s.decoy, err = s.keys.Seal(crand.Reader, decoyKey(), appendSCRAMKeys(nil, &k))
	return err
}
