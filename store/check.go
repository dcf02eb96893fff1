package store

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// RecordKind is a kind of record, by its key (keys.go).
type RecordKind string

// The kinds of records. Their texts are in --json.
const (
	RecordAccount      RecordKind = "account"
	RecordAppPassword  RecordKind = "app-password"
	RecordPhone        RecordKind = "phone"
	RecordException    RecordKind = "exception"
	RecordLastUse      RecordKind = "last-use"
	RecordEvent        RecordKind = "event"
	RecordEventListing RecordKind = "event-listing" // which events an account has
	RecordSchema       RecordKind = "schema-record"
	RecordUnknown      RecordKind = "unknown-record" // a key of no known form
)

// RecordKinds returns the closed list.
func RecordKinds() []RecordKind {
	return []RecordKind{RecordAccount, RecordAppPassword, RecordPhone, RecordException, RecordLastUse,
		RecordEvent, RecordEventListing, RecordSchema, RecordUnknown}
}

// DamagedRecord names a record that failed its check, as far as its key can be
// read. It holds nothing of the value.
type DamagedRecord struct {
	Kind      RecordKind `json:"kind"`
	Address   string     `json:"address,omitempty"`   // of an account
	AccountID AccountID  `json:"account_id,omitzero"` // of records below an account
	ID        string     `json:"id,omitempty"`        // an app password's or event's
	Time      time.Time  `json:"time,omitzero"`       // an event's
	Missing   bool       `json:"missing,omitempty"`   // it is not there at all
}

// Checked is what Check found.
type Checked struct {
	Records map[RecordKind]int // good and damaged
	Damaged int                // how many of them are
	List    []DamagedRecord    // the first 1,000 of them
}

// Check reads every record: generation and MAC of its header, then the record
// itself, by its kind. walk hands out all keys and values of a database, in any
// order. ErrWrongKey and ErrNewerSchema mean that nothing can be said of the
// records. What no check of single records can see is one that is missing
// altogether: that is for the engine to find.
func Check(keys *secret.Keys, walk func(record func(key, value []byte))) (*Checked, error) {
	c := &check{s: &Store{keys: keys}, found: &Checked{Records: make(map[RecordKind]int), List: []DamagedRecord{}}}
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
	return c.found, nil
}

// check is one run of Check.
type check struct {
	s                  *Store // of keys and codecs; it has no engine
	found              *Checked
	schema, generation bool  // seen
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
	}
}

func (c *check) damaged(r DamagedRecord) {
	c.found.Damaged++
	if len(c.found.List) < maxPage {
		c.found.List = append(c.found.List, r)
	}
}

// kindOf tells a record's kind by its key, which has to be whole: an address that
// an account can have (no other bytes, which might come from a value), ids of
// full length.
func kindOf(key []byte) RecordKind {
	const below = 1 + len(AccountID{}) // where the kind stands
	switch {
	case len(key) == 0:
		return RecordUnknown
	case key[0] == keyAccount && validAddress(string(key[1:])) && utf8.Valid(key):
		return RecordAccount
	case key[0] == keyEvent && len(key) == 1+len(EventID{}):
		return RecordEvent
	case key[0] == keyOwner && len(key) >= 2+len(EventID{}) && strings.IndexByte("anu", key[1]) >= 0:
		return RecordEventListing
	case string(key) == string(schemaKey()) || string(key) == string(generationKey()):
		return RecordSchema
	case key[0] != keyBelow || len(key) <= below:
		return RecordUnknown
	}
	rest := len(key) - below - 1
	switch {
	case key[below] == belowAppPassword && rest == len(AppPasswordID{}):
		return RecordAppPassword
	case key[below] == belowPhone && rest == 0:
		return RecordPhone
	case key[below] == belowException && rest == 0:
		return RecordException
	case key[below] == belowLastUse && rest > 0:
		return RecordLastUse
	}
	return RecordUnknown
}

// describe takes from a key what names the record to a person.
func describe(kind RecordKind, key []byte) DamagedRecord {
	r := DamagedRecord{Kind: kind}
	switch kind {
	case RecordAccount:
		r.Address = string(key[1:])
	case RecordAppPassword, RecordPhone, RecordException, RecordLastUse:
		copy(r.AccountID[:], key[1:])
		if kind == RecordAppPassword {
			r.ID = AppPasswordID(key[len(key)-len(AppPasswordID{}):]).String()
		}
	case RecordEvent, RecordEventListing:
		id := EventID(key[len(key)-len(EventID{}):])
		r.ID = id.String()
		if t := id.Time(); t.Year() > 1969 && t.Year() < 10_000 { // encoding/json takes no others
			r.Time = t
		}
	case RecordSchema:
		r.ID = string(key[1:])
	}
	return r
}

// verify checks one record as a reader of its kind would.
func (c *check) verify(kind RecordKind, key, value []byte) error {
	s := c.s
	switch string(key) {
	case string(generationKey()):
		c.generation = true
		return s.checkGeneration(value)
	case string(schemaKey()):
		c.schema = true
		return s.checkSchemaRecord(value, true)
	}
	payload, err := s.unseal(key, value)
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
	case RecordAppPassword:
		_, err = decode[appPasswordRecord](s, payload)
	case RecordPhone:
		_, err = s.openPhone(key, payload)
	case RecordException:
		_, err = decode[exceptionRecord](s, payload)
	case RecordLastUse:
		_, err = decode[lastUseRecord](s, payload)
	case RecordEvent:
		var record eventRecord
		if record, err = decode[eventRecord](s, payload); err == nil {
			_, err = record.event(EventID(key[1:]))
		}
	case RecordEventListing:
		if len(payload) > 0 {
			err = ErrDamaged
		}
	default:
		err = fmt.Errorf("%w: unknown kind", ErrDamaged)
	}
	return err
}
