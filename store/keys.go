package store

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The layout of the one bucket. All integers are big-endian, ‖ joins bytes, and
// every value is generation (4) ‖ MAC over key and payload (16) ‖ payload. Times
// in keys and in payloads of no CBOR are Unix seconds.
//
//	key                                    payload                      file
//	m schema                               version (2)                  schema.go
//	m generation                           generation (4)               schema.go
//	m migration                            where one is, while it runs  migration.go
//	m reached                              time (8)                     enforcement.go
//	A ‖ alias                              account id (8) ‖ address     alias.go
//	a ‖ address                            the hot record               account_codec.go
//	b ‖ account id (8) ‖ w ‖ id (8)        app password, CBOR           apppassword.go
//	b ‖ account id (8) ‖ p                 phone, CBOR, sealed          phone.go
//	b ‖ account id (8) ‖ x                 exception, CBOR              exception.go
//	b ‖ account id (8) ‖ u ‖ credential    last use, CBOR               lastuse.go
//	b ‖ account id (8) ‖ s ‖ id (8)        session, CBOR                session.go
//	b ‖ account id (8) ‖ d ‖ id (8)        device, CBOR                 device.go
//	b ‖ account id (8) ‖ c ‖ session's id (8) ‖ purpose (1)
//	                                       challenge, CBOR, sealed      challenge.go
//	b ‖ account id (8) ‖ k                 state of codes, CBOR         code_state.go
//	b ‖ account id (8) ‖ r                 recovery codes, CBOR         recovery_codes.go
//	b ‖ account id (8) ‖ h                 helpdesk's code, CBOR        helpdesk_code.go
//	b ‖ account id (8) ‖ y                 expected phone, CBOR, sealed expected_phone.go
//	b ‖ account id (8) ‖ f                 own userdb fields, CBOR      userdb.go
//	b ‖ account id (8) ‖ v                 SCRAM keys, sealed           scram_keys.go
//	b ‖ account id (8) ‖ l ‖ alias         who gave it, CBOR            alias.go
//	e ‖ event id (16)                      event, CBOR                  event_codec.go
//	n ‖ number's tag (16)                  account ids (8 each)         number_index.go
//	o ‖ a ‖ address ‖ 0 ‖ event id (16)    class (1): events of an address
//	                                       (empty: listed earlier)      event_owner.go
//	o ‖ n ‖ network (17) ‖ event id        empty: unknown names, by network
//	o ‖ u ‖ event id                       empty: unknown names, all
//	q ‖ window (8) ‖ kind (1) ‖ subject (16)
//	                                       count (4)                    budget.go
//
// An event id begins with the inverted time, so that the engine's ascending
// order is newest first. Everything of an account but its hot record hangs below
// its id: a re-created address reaches none of it. The numbers' index and the
// aliases are the places that name accounts from outside, by their ids. Aliases
// stand before all accounts: beside one that is not there is another, or the
// first account, and no record that comes and goes (confirmMissing).
const (
	keyMeta    = 'm'
	keyAlias   = 'A'
	keyAccount = 'a'
	keyBelow   = 'b'
	keyEvent   = 'e'
	keyNumber  = 'n'
	keyOwner   = 'o'
	keyBudget  = 'q'

	belowAppPassword   = 'w'
	belowPhone         = 'p'
	belowException     = 'x'
	belowLastUse       = 'u'
	belowSession       = 's'
	belowDevice        = 'd'
	belowChallenge     = 'c'
	belowCodeState     = 'k'
	belowRecoveryCodes = 'r'
	belowHelpdeskCode  = 'h'
	belowExpectedPhone = 'y'
	belowUserdb        = 'f'
	belowSCRAMKeys     = 'v'
	belowAlias         = 'l'

	ownerAddress = 'a'
	ownerNetwork = 'n'
	ownerUnknown = 'u'
)

// maxAddress bounds a prepared name: 64 bytes, '@', 255 bytes (RFC 5321 section
// 4.5.3.1).
const maxAddress = 320

func schemaKey() []byte     { return []byte("mschema") }
func generationKey() []byte { return []byte("mgeneration") }
func migrationKey() []byte  { return []byte("mmigration") }
func reachedKey() []byte    { return []byte("mreached") }

func appendAccountKey(dst []byte, address string) []byte {
	return append(append(dst, keyAccount), address...)
}

// belowKey returns the key of a record below the account id; rest may be empty.
func belowKey(id AccountID, kind byte, rest string) []byte {
	key := append(belowPrefix(id), kind)
	return append(key, rest...)
}

func belowPrefix(id AccountID) []byte {
	return append([]byte{keyBelow}, id[:]...)
}

// EventID names an event and orders it: inverted milliseconds (8 bytes),
// inverted sequence within the process (4), random (4).
type EventID [16]byte

// IsZero reports whether the id is the one that no event has.
func (id EventID) IsZero() bool { return id == EventID{} }

// Time returns when the event began, to the millisecond.
func (id EventID) Time() time.Time {
	return time.UnixMilli(int64(^binary.BigEndian.Uint64(id[:8]))).UTC()
}

// MarshalText returns 32 lower-case hex digits.
func (id EventID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

func makeEventID(t time.Time, sequence, random uint32) EventID {
	var id EventID
	binary.BigEndian.PutUint64(id[:8], ^eventMillis(t))
	binary.BigEndian.PutUint32(id[8:12], ^sequence)
	binary.BigEndian.PutUint32(id[12:], random)
	return id
}

// eventMillis is Unix time in milliseconds; what is before 1970 is 1970.
func eventMillis(t time.Time) uint64 { return uint64(max(t.UnixMilli(), 0)) }

func eventKey(id EventID) []byte { return append([]byte{keyEvent}, id[:]...) }

// lastEventIDAt returns the greatest possible id of an event at t: all events
// beyond it in a Scan began before t.
func lastEventIDAt(t time.Time) EventID {
	id := makeEventID(t, 0, ^uint32(0))
	return id
}

func ownerAddressPrefix(address string) []byte {
	key := append([]byte{keyOwner, ownerAddress}, address...)
	return append(key, 0)
}

func ownerNetworkPrefix(network netip.Prefix) []byte {
	key := []byte{keyOwner, ownerNetwork}
	addr, bits := network.Masked().Addr().Unmap(), network.Bits()
	if addr.Is4() && bits >= 0 && bits <= 32 {
		bits += 96
	}
	a16 := [16]byte{}
	if addr.IsValid() {
		a16 = addr.As16()
	}
	key = append(key, a16[:]...)
	return append(key, byte(max(bits, 0)))
}

func ownerUnknownPrefix() []byte { return []byte{keyOwner, ownerUnknown} }

func ownerKey(prefix []byte, id EventID) []byte {
	return append(prefix[:len(prefix):len(prefix)], id[:]...)
}

// splitOwnerKey undoes ownerKey; ok is false if key is too short to be one.
func splitOwnerKey(key []byte) (prefix []byte, id EventID, ok bool) {
	at := len(key) - len(id)
	if at < 2 {
		return nil, id, false
	}
	copy(id[:], key[at:])
	return key[:at], id, true
}
