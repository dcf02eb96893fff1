package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// schemaVersion is the version of the layout in keys.go and of every payload.
//
//	1  accounts, app passwords, phones, exceptions, last uses, events
//	2  the portal's records, budgets, the numbers' index, LastUse.ClientID,
//	   the class in the listings of an address's events
const schemaVersion = 2

// openSchema checks the version and generation records, or makes them in an
// empty engine; an older database is brought to this version. readOnly changes
// nothing, and leaves an older one as it is: its records are read all the same.
func (s *Store) openSchema(ctx context.Context, migrateOK, readOnly bool) error {
	empty, needed := false, (*migration)(nil)
	err := s.engine.View(ctx, func(r kv.Reader) error {
		var err error
		empty, needed, err = s.checkSchema(r, migrateOK || readOnly)
		return err
	})
	switch {
	case err != nil:
		return err
	case needed != nil && !readOnly:
		return s.migrate(ctx, *needed)
	case empty && readOnly:
		return fmt.Errorf("%w: the database is empty", ErrDamaged)
	case !empty:
		return nil
	}
	return s.engine.Update(ctx, func(w kv.Writer) error {
		generation := s.keys.GenerationBytes()
		value := append(make([]byte, headerLen), generation[:]...)
		if err := w.Put(generationKey(), s.seal(generationKey(), value)); err != nil {
			return err
		}
		return s.putVersion(w)
	})
}

func (s *Store) putVersion(w kv.Writer) error {
	value := binary.BigEndian.AppendUint16(make([]byte, headerLen), schemaVersion)
	return w.Put(schemaKey(), s.seal(schemaKey(), value))
}

// checkSchema reports whether the engine is empty; if not, whether it is ours,
// and which migration it needs.
func (s *Store) checkSchema(r kv.Reader, migrateOK bool) (empty bool, needed *migration, err error) {
	value, err := r.Get(generationKey())
	if errors.Is(err, kv.ErrNotFound) {
		empty, err := isEmpty(r)
		return empty, nil, err
	} else if err != nil {
		return false, nil, err
	}
	if err := s.checkGeneration(value); err != nil {
		return false, nil, err
	}
	value, err = r.Get(schemaKey())
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil, fmt.Errorf("%w: no schema version", ErrDamaged)
	} else if err != nil {
		return false, nil, err
	}
	version, err := s.decodeVersion(value)
	if err != nil {
		return false, nil, err
	}
	if err := checkVersion(version, schemaVersion, migrateOK); err != nil {
		return false, nil, err
	}
	if version < schemaVersion {
		return false, &migration{from: version}, nil
	}
	needed, err = s.begunMigration(r)
	if err == nil && needed != nil && !migrateOK {
		err = fmt.Errorf("%w: from version %d to %d, which has begun", ErrNeedsMigration, needed.from, version)
	}
	return false, needed, err
}

// decodeVersion reads the value of schemaKey.
func (s *Store) decodeVersion(value []byte) (int, error) {
	payload, err := s.unseal(schemaKey(), value)
	if err != nil {
		return 0, fmt.Errorf("%w (schema version)", err)
	}
	if len(payload) != 2 {
		return 0, fmt.Errorf("%w: schema version", ErrDamaged)
	}
	return int(binary.BigEndian.Uint16(payload)), nil
}

// checkGeneration checks the value of generationKey and tells a wrong key from
// damage: it reads the generation before the MAC, which only the right key can.
func (s *Store) checkGeneration(value []byte) error {
	generation := s.keys.GenerationBytes()
	if len(value) != headerLen+len(generation) {
		return fmt.Errorf("%w: key generation", ErrDamaged)
	}
	found := value[headerLen:]
	if !bytes.Equal(found, generation[:]) && bytes.Equal(found, value[:generationLen]) {
		return &WrongKeyError{Database: hex.EncodeToString(found), KeyFile: s.keys.Generation()}
	}
	if _, err := s.unseal(generationKey(), value); err != nil {
		return fmt.Errorf("%w (key generation)", err)
	}
	return nil
}

// WrongKeyError is ErrWrongKey with the ids of both keys (secret.Keys.Generation).
type WrongKeyError struct {
	Database string // the key that the database was made with
	KeyFile  string
}

// Error names both.
func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("%v: database %s, key file %s", ErrWrongKey, e.Database, e.KeyFile)
}

// Unwrap returns ErrWrongKey.
func (e *WrongKeyError) Unwrap() error { return ErrWrongKey }

// KeyID returns the id of the key that a database was made with
// (secret.Keys.Generation), found without the key; "" if the record that names it
// is not among those that walk hands out.
func KeyID(walk func(record func(key, value []byte))) string {
	id := ""
	walk(func(key, value []byte) {
		if bytes.Equal(key, generationKey()) && len(value) == headerLen+generationLen {
			id = hex.EncodeToString(value[headerLen:])
		}
	})
	return id
}

// isEmpty makes sure that a database whose first record is missing is not taken
// for a new one.
func isEmpty(r kv.Reader) (bool, error) {
	empty := true
	err := r.Scan(nil, nil, func(_, _ []byte) error {
		empty = false
		return kv.ErrStop
	})
	if err == nil && !empty {
		err = fmt.Errorf("%w: no key generation", ErrDamaged)
	}
	return empty, err
}

// checkVersion compares the version found with the one wanted.
func checkVersion(found, wanted int, migrateOK bool) error {
	switch {
	case found > wanted:
		return fmt.Errorf("%w: version %d, this one knows %d", ErrNewerSchema, found, wanted)
	case found < 1:
		return fmt.Errorf("%w: schema version %d", ErrDamaged, found)
	case found < wanted && !migrateOK:
		return fmt.Errorf("%w: from version %d to %d", ErrNeedsMigration, found, wanted)
	}
	return nil
}
