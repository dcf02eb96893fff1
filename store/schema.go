package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// schemaVersion is the version of the layout in keys.go and of every payload.
const schemaVersion = 1

// openSchema checks the version and generation records, or makes them in an
// empty engine.
func (s *Store) openSchema(ctx context.Context, migrateOK bool) error {
	empty := false
	err := s.engine.View(ctx, func(r kv.Reader) error {
		var err error
		empty, err = s.checkSchema(r, migrateOK)
		return err
	})
	if err != nil || !empty {
		return err
	}
	return s.engine.Update(ctx, func(w kv.Writer) error {
		generation := s.keys.GenerationBytes()
		value := append(make([]byte, headerLen), generation[:]...)
		if err := w.Put(generationKey(), s.seal(generationKey(), value)); err != nil {
			return err
		}
		value = binary.BigEndian.AppendUint16(make([]byte, headerLen), schemaVersion)
		return w.Put(schemaKey(), s.seal(schemaKey(), value))
	})
}

// checkSchema reports whether the engine is empty; if not, whether it is ours.
func (s *Store) checkSchema(r kv.Reader, migrateOK bool) (empty bool, err error) {
	value, err := r.Get(generationKey())
	if errors.Is(err, kv.ErrNotFound) {
		return isEmpty(r)
	} else if err != nil {
		return false, err
	}
	if err := s.checkGeneration(value); err != nil {
		return false, err
	}
	value, err = r.Get(schemaKey())
	if errors.Is(err, kv.ErrNotFound) {
		return false, fmt.Errorf("%w: no schema version", ErrDamaged)
	} else if err != nil {
		return false, err
	}
	return false, s.checkSchemaRecord(value, migrateOK)
}

// checkSchemaRecord checks the value of schemaKey.
func (s *Store) checkSchemaRecord(value []byte, migrateOK bool) error {
	payload, err := s.unseal(schemaKey(), value)
	if err != nil {
		return fmt.Errorf("%w (schema version)", err)
	}
	if len(payload) != 2 {
		return fmt.Errorf("%w: schema version", ErrDamaged)
	}
	return checkVersion(int(binary.BigEndian.Uint16(payload)), schemaVersion, migrateOK)
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
		return fmt.Errorf("%w: database %x, key file %s", ErrWrongKey, found, s.keys.Generation())
	}
	if _, err := s.unseal(generationKey(), value); err != nil {
		return fmt.Errorf("%w (key generation)", err)
	}
	return nil
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
