// Package store keeps latchkey's records: accounts, aliases, app passwords, phones,
// exceptions, last uses and events; and of the portal sessions, devices, codes
// that are awaited, recovery codes and budgets of SMS. It is typed; an engine
// below it (package kv) moves bytes, and records, keys and versions exist only
// here. The layout is in keys.go, and each kind of record in a file of its name.
//
// # One login, one read
//
// An account is one record under its address: id, state, main hash, and a row of
// 34 bytes for each app password and headstone. A login is one Get, one check of
// the record's MAC and one constant-time walk over the rows. Names, phone, last
// uses, sessions and the like hang below the account's random id, which is never
// reused.
//
// # Every record is checked at each read
//
// A value begins with the generation of the key and a keyed MAC over its key and
// payload. A flipped byte, or a value moved to another key, is ErrDamaged for
// that record and that record only: the caller answers "could not tell", never
// "no such account". Who restores an older copy of the whole database is not
// found out by this; nothing in one file can.
//
// # What is kept of secrets
//
// Cookies, recovery codes and the helpdesk's codes are kept as keyed tags only,
// an SMS code not at all: it follows from its challenge's id and a key. Records
// that hold a phone number or SCRAM keys are encrypted, and no others are. The numbers' index
// says how many accounts a number is bound to; it is kept by the same calls that
// write and delete phones and names a number by its tag only.
//
// # Transactions
//
// Update returns nil when the change is on disk. Its function has no side
// effects: an engine may run it again. Events that belong to a change are put in
// the same transaction; logins come in merged batches through WriteMerged. A
// Writer scans only below one account's id (but once, when a phone that goes
// cannot be read: unlistPhone), and who changes a record there writes the
// account's own record in the same transaction: an engine of several machines
// finds conflicts by it.
//
// # Formats and versions
//
// The hot record is hand-written binary with a version byte; the others are CBOR
// (RFC 8949, core deterministic encoding) with integer keys, but for lists of
// ids, counts, SCRAM keys and the schema's own, which are plain bytes. A field that this
// version does not know is refused, not dropped: records are rewritten whole,
// and a field dropped by an older latchkey would be lost without a word. So a
// new field means a new schema version; ErrNewerSchema is the one place where an
// older latchkey stops. An older database is migrated when it is opened, if
// Options.MigrateOK allows it: in pages, and what a crash interrupts goes on at
// the next Open (migration.go). A file of each version in testdata is opened by
// a test for ever.
package store

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Errors of opening a store.
var (
	// ErrWrongKey means that the database was made with another key file.
	ErrWrongKey = errors.New("store: the key file is not the one this database was made with")
	// ErrNewerSchema means that a newer latchkey wrote the database.
	ErrNewerSchema = errors.New("store: database was written by a newer latchkey")
	// ErrNeedsMigration means that the database is older, or that its migration
	// was interrupted, and Options.MigrateOK is not set.
	ErrNeedsMigration = errors.New("store: database is of an older version and needs a migration")
)

// Errors of a store that is open.
var (
	// ErrReadOnly is Update's where Options.ReadOnly is set.
	ErrReadOnly = errors.New("store: open for reading only")
	// ErrNoSnapshot means that the engine cannot copy itself.
	ErrNoSnapshot = errors.New("store: this engine makes no copy of itself")
)

// Errors of records.
var (
	// ErrNoAccount means that no account has the address: the store looked.
	ErrNoAccount = errors.New("store: no such account")
	// ErrAccountExists means that the address is taken.
	ErrAccountExists = errors.New("store: account exists")
	// ErrNoAlias means that the name is no alias.
	ErrNoAlias = errors.New("store: no such alias")
	// ErrAliasExists means that the name is an alias.
	ErrAliasExists = errors.New("store: name is an alias")
	// ErrNoAppPassword means that the account has no app password of this id.
	ErrNoAppPassword = errors.New("store: no such app password")
	// ErrNoPhone means that the account has no phone.
	ErrNoPhone = errors.New("store: no phone")
	// ErrNoException means that the account has no exception.
	ErrNoException = errors.New("store: no exception")
	// ErrNoSession means that the account has no session of this id.
	ErrNoSession = errors.New("store: no such session")
	// ErrNoDevice means that the account has no device of this id.
	ErrNoDevice = errors.New("store: no such device")
	// ErrNoChallenge means that the session awaits no code for the purpose.
	ErrNoChallenge = errors.New("store: no challenge")
	// ErrNoRecoveryCodes means that the account has no recovery codes.
	ErrNoRecoveryCodes = errors.New("store: no recovery codes")
	// ErrNoHelpdeskCode means that the helpdesk made no code for the account.
	ErrNoHelpdeskCode = errors.New("store: no helpdesk code")
	// ErrNoExpectedPhone means that any number may be bound to the account.
	ErrNoExpectedPhone = errors.New("store: no expected phone")
	// ErrNoSCRAMKeys means that no SCRAM keys were ever made for the account.
	ErrNoSCRAMKeys = errors.New("store: no SCRAM keys")
	// ErrInvalidRecord means that a record breaks the bounds of its kind.
	ErrInvalidRecord = errors.New("store: record out of bounds")
	// ErrDamaged means that a record failed its check. It is kv.ErrDamaged too;
	// an engine's own damage is only that.
	ErrDamaged = fmt.Errorf("store: record failed its check: %w", kv.ErrDamaged)
)

// Options are what Open needs to know; the zero value is good for production.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Rand draws ids and nonces; nil means crypto/rand.Reader.
	Rand io.Reader
	// MigrateOK allows Open to bring an older database to this version. Where it
	// is interrupted, the next Open goes on.
	MigrateOK bool
	// ReadOnly is for looking at a database that is to stay as it is: Open neither
	// migrates nor makes anything, and Update is ErrReadOnly. An older database is
	// read as it is, without what this version would have added.
	ReadOnly bool
	// EventsPerAccount is how many events of an address are kept of each class:
	// changes, accepted logins, refused ones of a known credential, guesses,
	// rehearsals. 0 means 1,000.
	EventsPerAccount int
	// EventsPerNetwork is how many events of unknown names are kept for each
	// network; 0 means 100.
	EventsPerNetwork int
	// EventsOfUnknown is how many events of unknown names are kept in all; 0
	// means 10,000.
	EventsOfUnknown int
}

// Store is the typed store. It is safe for concurrent use.
type Store struct {
	engine   kv.Engine
	keys     *secret.Keys
	now      func() time.Time
	rand     io.Reader
	enc      cbor.EncMode
	dec      cbor.DecMode
	lookups  sync.Pool // *lookup
	sequence atomic.Uint32
	caps     eventCaps
	added    addedEvents
	decoy    []byte // sealed SCRAM keys of nobody
	readOnly bool
}

// Open checks that the engine holds a database of this version, made with keys,
// or migrates it; an empty engine becomes one. The store owns the engine from then on; if Open
// fails, the caller still does.
func Open(ctx context.Context, e kv.Engine, keys *secret.Keys, o Options) (*Store, error) {
	s := &Store{engine: e, keys: keys, now: o.Now, rand: o.Rand, caps: capsOf(o), readOnly: o.ReadOnly}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = crand.Reader
	}
	var err error
	if s.enc, s.dec, err = cborModes(); err != nil {
		return nil, err
	}
	s.lookups.New = func() any { return newLookup(s) }
	if err := s.makeDecoy(); err != nil {
		return nil, err
	}
	if err := s.openSchema(ctx, o.MigrateOK, o.ReadOnly); err != nil {
		return nil, err
	}
	return s, nil
}

// Close waits for open transactions and closes the engine.
func (s *Store) Close() error { return s.engine.Close() }

// View runs fn on a snapshot. What fn reads may be kept.
func (s *Store) View(ctx context.Context, fn func(*Reader) error) error {
	return s.engine.View(ctx, func(r kv.Reader) error {
		return fn(&Reader{s: s, kv: r})
	})
}

// Update runs fn and commits what it wrote; nil means that it is on disk. fn may
// be run again, and has no side effects.
func (s *Store) Update(ctx context.Context, fn func(*Writer) error) error {
	if s.readOnly {
		return ErrReadOnly
	}
	var w *Writer
	err := s.engine.Update(ctx, func(kw kv.Writer) error {
		w = &Writer{Reader: Reader{s: s, kv: kw}, kv: kw}
		return fn(w)
	})
	if err == nil {
		s.added.note(w.added)
	}
	return err
}
