package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// RecordKind is a kind of record, by its key (keys.go).
type RecordKind string

// The kinds of records. Their texts are in --json.
const (
	RecordAccount       RecordKind = "account"
	RecordAlias         RecordKind = "alias"
	RecordAppPassword   RecordKind = "app-password"
	RecordPhone         RecordKind = "phone"
	RecordException     RecordKind = "exception"
	RecordLastUse       RecordKind = "last-use"
	RecordSession       RecordKind = "session"
	RecordDevice        RecordKind = "device"
	RecordChallenge     RecordKind = "challenge"
	RecordCodeState     RecordKind = "code-state"
	RecordRecoveryCodes RecordKind = "recovery-set" // an account's recovery codes
	RecordHelpdeskCode  RecordKind = "helpdesk-code"
	RecordExpectedPhone RecordKind = "expected-phone"
	RecordUserdb        RecordKind = "userdb-record" // an account's own userdb fields
	RecordSCRAMKeys     RecordKind = "scram-key-set" // an account's SCRAM keys
	RecordEvent         RecordKind = "event"
	RecordAliasListing  RecordKind = "alias-listing"  // which aliases an account has
	RecordEventListing  RecordKind = "event-listing"  // which events an account has
	RecordNumberListing RecordKind = "number-listing" // which accounts a number has
	RecordBudget        RecordKind = "budget"
	RecordSchema        RecordKind = "schema-record"
	RecordUnknown       RecordKind = "unknown-record" // a key of no known form
)

// RecordKinds returns the closed list.
func RecordKinds() []RecordKind {
	return []RecordKind{RecordAccount, RecordAlias, RecordAppPassword, RecordPhone, RecordException, RecordLastUse,
		RecordSession, RecordDevice, RecordChallenge, RecordCodeState, RecordRecoveryCodes, RecordHelpdeskCode,
		RecordExpectedPhone, RecordUserdb, RecordSCRAMKeys, RecordEvent, RecordAliasListing, RecordEventListing, RecordNumberListing,
		RecordBudget, RecordSchema, RecordUnknown}
}

// DamagedRecord names a record that failed its check, as far as its key can be
// read. It holds nothing of the value.
type DamagedRecord struct {
	Kind      RecordKind `json:"kind"`
	Address   string     `json:"address,omitempty"`   // of an account, or an alias
	AccountID AccountID  `json:"account_id,omitzero"` // of records below an account
	ID        string     `json:"id,omitempty"`        // an app password's, session's, device's or event's
	Time      time.Time  `json:"time,omitzero"`       // an event's, or when a budget's window begins
	Missing   bool       `json:"missing,omitempty"`   // it is not there at all
	Stale     bool       `json:"stale,omitempty"`     // it lists what is not there
}

// Checked is what Check found.
type Checked struct {
	Records map[RecordKind]int // good and damaged
	Damaged int                // how many of them are
	List    []DamagedRecord    // the first 1,000 of them
}

// Check reads every record: generation and MAC of its header, then the record
// itself, by its kind, and compares the phones with the numbers' index, and the
// aliases with what their accounts list. walk hands out all keys and values of a
// database, in any order. ErrWrongKey and ErrNewerSchema mean that nothing can be
// said of the records. What no check of single records can see is one that is
// missing altogether: that is for the engine to find.
func Check(keys *secret.Keys, walk func(record func(key, value []byte))) (*Checked, error) {
	return runCheck(keys, walk, newNumberCheck())
}

// CheckRecords is Check without the numbers' index, whose records are read like
// all others and not compared with the phones: it needs no memory for each phone.
func CheckRecords(keys *secret.Keys, walk func(record func(key, value []byte))) (*Checked, error) {
	return runCheck(keys, walk, nil)
}

func runCheck(keys *secret.Keys, walk func(record func(key, value []byte)), numbers *numberCheck) (*Checked, error) {
	c := &check{s: &Store{keys: keys}, numbers: numbers, aliases: newAliasCheck(),
		found: &Checked{Records: make(map[RecordKind]int), List: []DamagedRecord{}}}
	var err error
	if c.s.enc, c.s.dec, err = cborModes(); err != nil {
		return nil, err
	}
	walk(c.record)
	if c.refused != nil {
		return nil, c.refused
	}
	if !c.schema {
		c.damaged(DamagedRecord{Kind: RecordSchema, ID: "schema", Missing: true})
	}
	if !c.generation {
		c.damaged(DamagedRecord{Kind: RecordSchema, ID: "generation", Missing: true})
	}
	c.aliases.report(c.damaged)
	if c.numbers != nil && c.version == schemaVersion && !c.migrating { // else the index is not complete yet
		c.numbers.report(c.damaged)
	}
	return c.found, nil
}

// check is one run of Check.
type check struct {
	s                  *Store // of keys and codecs; it has no engine
	found              *Checked
	schema, generation bool         // seen
	version            int          // of the schema; 0: not read
	migrating          bool         // a migration has begun and not ended
	numbers            *numberCheck // nil: phones and index are not compared
	aliases            *aliasCheck
	refused            error // ErrWrongKey or ErrNewerSchema
}

func (c *check) record(key, value []byte) {
	kind := kindOf(key)
	c.found.Records[kind]++
	err := c.verify(kind, key, value)
	if errors.Is(err, ErrWrongKey) || errors.Is(err, ErrNewerSchema) {
		c.refused = err
	} else if err != nil {
		c.damaged(describe(kind, key))
		c.numbers.damaged(kind, key)
		c.aliases.damaged(kind, key)
	}
}

func (c *check) damaged(r DamagedRecord) {
	c.found.Damaged++
	if len(c.found.List) < maxPage {
		c.found.List = append(c.found.List, r)
	}
}

// verify checks one record as a reader of its kind would.
func (c *check) verify(kind RecordKind, key, value []byte) error {
	if kind == RecordSchema {
		return c.verifySchema(key, value)
	}
	payload, err := c.s.unseal(key, value)
	if err != nil {
		return err
	}
	switch kind {
	case RecordAccount:
		a, err := decodeAccount(string(key[1:]), payload)
		if err == nil {
			err = a.check()
		}
		return err
	case RecordAlias:
		of, err := decodeAliasOf(payload)
		if err == nil {
			c.aliases.found(of.acct, string(key[1:]))
		}
		return err
	case RecordEvent:
		record, err := decode[eventRecord](c.s, payload)
		if err == nil {
			_, err = record.event(EventID(key[1:]))
		}
		return err
	case RecordEventListing:
		_, err = decodeListing(payload)
		return err
	case RecordNumberListing:
		ids, err := decodeAccountIDs(payload)
		c.numbers.listed([16]byte(key[1:]), ids)
		return err
	case RecordBudget:
		_, err = decodeBudget(payload)
		return err
	case RecordUnknown:
		return fmt.Errorf("%w: unknown kind", ErrDamaged)
	}
	return c.verifyBelow(kind, key, payload)
}

// verifySchema checks a record about the whole database.
func (c *check) verifySchema(key, value []byte) error {
	var err error
	switch string(key) {
	case string(generationKey()):
		c.generation = true
		return c.s.checkGeneration(value)
	case string(schemaKey()):
		c.schema = true
		if c.version, err = c.s.decodeVersion(value); err != nil {
			return err
		}
		return checkVersion(c.version, schemaVersion, true)
	}
	payload, err := c.s.unseal(key, value)
	if string(key) == string(migrationKey()) {
		c.migrating = true
		if err == nil {
			_, err = decodeMigration(payload)
		}
	} else if err == nil {
		_, err = decodeReached(payload)
	}
	return err
}

// verifyBelow checks a record that hangs below an account's id.
func (c *check) verifyBelow(kind RecordKind, key, payload []byte) error {
	s, acct := c.s, AccountID(key[1:])
	rest := string(key[len(belowKey(acct, 0, "")):])
	var err error
	switch kind {
	case RecordAppPassword:
		_, err = decode[appPasswordRecord](s, payload)
	case RecordPhone:
		var p Phone
		if p, err = s.openPhone(key, payload); err == nil {
			c.numbers.bound(s.keys.NumberTag(p.Number), acct)
		}
	case RecordException:
		_, err = decode[exceptionRecord](s, payload)
	case RecordLastUse:
		_, err = decode[lastUseRecord](s, payload)
	case RecordSession:
		_, err = s.decodeSession(acct, rest, payload)
	case RecordDevice:
		_, err = s.decodeDevice(acct, rest, payload)
	case RecordChallenge:
		_, err = s.openChallenge(key, payload)
	case RecordCodeState:
		_, err = s.decodeCodeState(payload)
	case RecordRecoveryCodes:
		_, err = s.decodeRecoveryCodes(payload)
	case RecordHelpdeskCode:
		_, err = s.decodeHelpdeskCode(payload)
	case RecordExpectedPhone:
		_, err = s.openExpectedPhone(key, payload)
	case RecordUserdb:
		_, err = s.decodeUserdb(payload)
	case RecordSCRAMKeys:
		_, err = s.openSCRAMKeys(key, payload)
	case RecordAliasListing:
		if _, err = s.decodeAlias(rest, payload); err == nil {
			c.aliases.listed(acct, rest)
		}
	default:
		err = fmt.Errorf("%w: unknown kind", ErrDamaged)
	}
	return err
}
