package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// migrationPage is the most accounts that one transaction of a migration takes.
const migrationPage = maxPage

// migration brings an older database to schemaVersion. From version 1 it lists
// the numbers of all phones in the index and changes nothing else.
//
// It first reads what it will need, so that a file that cannot be read to the end
// is refused untouched, and its old latchkey still opens it. Then the new version
// and the migration's own record are written together: from here on an older
// latchkey stays out, which would change phones and not the index, and this one
// opens the database only to go on. Each page is one transaction with the record
// of where it ended, and listing an account twice lists it once, so that a crash
// costs a page at most. The last page removes the record.
type migration struct {
	from  int       // the version it began with
	after AccountID // the last account that was done; zero: none
	begun bool
}

// The migration's record is from (2) ‖ after (8).
const migrationLen = 2 + 8

func (m migration) payload() []byte {
	payload := binary.BigEndian.AppendUint16(make([]byte, headerLen), uint16(m.from))
	return append(payload, m.after[:]...)
}

func decodeMigration(payload []byte) (*migration, error) {
	if len(payload) != migrationLen {
		return nil, fmt.Errorf("%w: state of the migration", ErrDamaged)
	}
	m := &migration{from: int(binary.BigEndian.Uint16(payload)), after: AccountID(payload[2:]), begun: true}
	if m.from < 1 || m.from >= schemaVersion {
		return nil, fmt.Errorf("%w: state of the migration", ErrDamaged)
	}
	return m, nil
}

// begunMigration returns the migration that was not finished; nil: none.
func (s *Store) begunMigration(r kv.Reader) (*migration, error) {
	value, err := r.Get(migrationKey())
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	payload, err := s.unseal(migrationKey(), value)
	if err != nil {
		return nil, fmt.Errorf("%w (state of the migration)", err)
	}
	return decodeMigration(payload)
}

func (s *Store) migrate(ctx context.Context, m migration) error {
	if err := s.runMigration(ctx, m); err != nil {
		return fmt.Errorf("store: migration from version %d to %d: %w", m.from, schemaVersion, err)
	}
	return nil
}

func (s *Store) runMigration(ctx context.Context, m migration) error {
	if !m.begun {
		if err := s.rehearse(ctx); err != nil {
			return err
		}
		if err := s.beginMigration(ctx, m); err != nil {
			return err
		}
	}
	for {
		ids, err := s.migrationPage(ctx, m.after)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return s.engine.Update(ctx, func(w kv.Writer) error { return w.Delete(migrationKey()) })
		}
		m.after = ids[len(ids)-1]
		err = s.Update(ctx, func(w *Writer) error {
			if err := w.listPhones(ids); err != nil {
				return err
			}
			return w.kv.Put(migrationKey(), s.seal(migrationKey(), m.payload()))
		})
		if err != nil {
			return err
		}
	}
}

// rehearse reads all that the migration will read.
func (s *Store) rehearse(ctx context.Context) error {
	var after AccountID
	for {
		ids, err := s.migrationPage(ctx, after)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = s.View(ctx, func(r *Reader) error {
			for _, id := range ids {
				if _, err := r.Phone(id); err != nil && !errors.Is(err, ErrNoPhone) && !errors.Is(err, ErrDamaged) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

func (s *Store) beginMigration(ctx context.Context, m migration) error {
	return s.engine.Update(ctx, func(w kv.Writer) error {
		if err := w.Put(migrationKey(), s.seal(migrationKey(), m.payload())); err != nil {
			return err
		}
		return s.putVersion(w)
	})
}

// migrationPage returns the next accounts that have records below their id.
func (s *Store) migrationPage(ctx context.Context, after AccountID) ([]AccountID, error) {
	var page []AccountID
	err := s.engine.View(ctx, func(r kv.Reader) error {
		page = page[:0]
		for at := lastBelow(after); len(page) < migrationPage; {
			var found []byte
			err := r.Scan([]byte{keyBelow}, at, func(key, _ []byte) error {
				found = bytes.Clone(key)
				return kv.ErrStop
			})
			if err != nil || found == nil {
				return err
			}
			at = found
			if rest := found[1:]; len(rest) > len(AccountID{}) && rest[len(AccountID{})] != 0xff {
				page = append(page, AccountID(rest))
				at = lastBelow(AccountID(rest))
			}
		}
		return nil
	})
	return page, err
}

// lastBelow is beyond all records below the id: no kind of record is 0xff.
func lastBelow(id AccountID) []byte { return belowKey(id, 0xff, "") }

// listPhones lists the accounts' phones in the numbers' index. What is damaged is
// left as it is, for Check to name: nobody else's mail must wait for it. So are
// accounts beyond those that one number can have.
func (w *Writer) listPhones(ids []AccountID) error {
	accounts := make(map[string][]AccountID)
	for _, id := range ids {
		p, err := w.Phone(id)
		if errors.Is(err, ErrNoPhone) || errors.Is(err, ErrDamaged) {
			continue
		} else if err != nil {
			return err
		}
		key := string(w.s.numberKey(p.Number))
		accounts[key] = append(accounts[key], id)
	}
	for key, ids := range accounts {
		err := w.list([]byte(key), ids...)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrInvalidRecord) {
			return err
		}
	}
	return nil
}
