package store

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"
)

// KindOf tells which kind of record a key is of.
func KindOf(key []byte) RecordKind { return kindOf(key) }

// kindOf tells a record's kind by its key, which has to be whole: an address that
// an account can have (no other bytes, which might come from a value), ids of
// full length.
func kindOf(key []byte) RecordKind {
	switch {
	case len(key) == 0:
		return RecordUnknown
	case key[0] == keyAccount && isAddress(key[1:]):
		return RecordAccount
	case key[0] == keyAlias && isAddress(key[1:]):
		return RecordAlias
	case key[0] == keyEvent && len(key) == 1+len(EventID{}):
		return RecordEvent
	case key[0] == keyOwner && len(key) >= 2+len(EventID{}) && strings.IndexByte("anu", key[1]) >= 0:
		return RecordEventListing
	case key[0] == keyNumber && len(key) == 1+16:
		return RecordNumberListing
	case key[0] == keyBudget && len(key) == 1+8+1+16:
		return RecordBudget
	case key[0] == keyBelow:
		return kindBelow(key[1:])
	}
	switch string(key) {
	case string(schemaKey()), string(generationKey()), string(migrationKey()), string(reachedKey()):
		return RecordSchema
	}
	return RecordUnknown
}

// belowKinds are the kinds of records below an account's id: the byte after it,
// and how many bytes follow (-1: one or more).
var belowKinds = [...]struct {
	below byte
	kind  RecordKind
	rest  int
}{
	{belowAppPassword, RecordAppPassword, len(AppPasswordID{})},
	{belowPhone, RecordPhone, 0},
	{belowException, RecordException, 0},
	{belowLastUse, RecordLastUse, -1},
	{belowSession, RecordSession, len(SessionID{})},
	{belowDevice, RecordDevice, len(DeviceID{})},
	{belowChallenge, RecordChallenge, len(SessionID{}) + 1},
	{belowCodeState, RecordCodeState, 0},
	{belowRecoveryCodes, RecordRecoveryCodes, 0},
	{belowHelpdeskCode, RecordHelpdeskCode, 0},
	{belowExpectedPhone, RecordExpectedPhone, 0},
	{belowUserdb, RecordUserdb, 0},
	{belowSCRAMKeys, RecordSCRAMKeys, 0},
	{belowAlias, RecordAliasListing, -1},
}

// kindBelow takes a key from the account's id on.
func kindBelow(key []byte) RecordKind {
	if len(key) <= len(AccountID{}) {
		return RecordUnknown
	}
	below, rest := key[len(AccountID{})], len(key)-len(AccountID{})-1
	for _, k := range belowKinds {
		if k.below != below || k.rest != rest && (k.rest >= 0 || rest == 0) {
			continue
		}
		if below == belowAlias && !isAddress(key[len(key)-rest:]) {
			return RecordUnknown
		}
		return k.kind
	}
	return RecordUnknown
}

// isAddress reports whether these are bytes of an address or an alias.
func isAddress(b []byte) bool { return validAddress(string(b)) && utf8.Valid(b) }

// describe takes from a key what names the record to a person.
func describe(kind RecordKind, key []byte) DamagedRecord {
	r := DamagedRecord{Kind: kind}
	switch kind {
	case RecordAccount, RecordAlias:
		r.Address = string(key[1:])
	case RecordEvent, RecordEventListing:
		id := EventID(key[len(key)-len(EventID{}):])
		r.ID, r.Time = id.String(), showable(id.Time())
	case RecordBudget:
		r.Time = showable(time.Unix(int64(binary.BigEndian.Uint64(key[1:])), 0).UTC())
	case RecordSchema:
		r.ID = string(key[1:])
	case RecordNumberListing, RecordUnknown:
	default:
		below := key[1+copy(r.AccountID[:], key[1:])+1:]
		switch kind {
		case RecordAppPassword:
			r.ID = AppPasswordID(below).String()
		case RecordSession, RecordChallenge:
			r.ID = SessionID(below).String()
		case RecordDevice:
			r.ID = DeviceID(below).String()
		case RecordAliasListing:
			r.Address = string(below)
		}
	}
	return r
}

// showable is t if encoding/json takes it, else no time: the key may be damaged.
func showable(t time.Time) time.Time {
	if t.Year() > 1969 && t.Year() < 10_000 {
		return t
	}
	return time.Time{}
}
