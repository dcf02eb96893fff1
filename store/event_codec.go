package store

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// eventRecord is Event on disk. Its id is its key.
type eventRecord struct {
	Time       int64  `cbor:"1,keyasint"` // milliseconds
	Last       int64  `cbor:"2,keyasint"`
	Count      uint32 `cbor:"3,keyasint"`
	Kind       string `cbor:"4,keyasint"`
	Outcome    uint8  `cbor:"5,keyasint,omitempty"`
	Reason     string `cbor:"6,keyasint,omitempty"`
	Counted    bool   `cbor:"7,keyasint,omitempty"`
	AccountID  []byte `cbor:"8,keyasint,omitempty"`
	Address    string `cbor:"9,keyasint,omitempty"`
	Credential string `cbor:"10,keyasint,omitempty"`
	Service    string `cbor:"11,keyasint,omitempty"`
	Mechanism  string `cbor:"12,keyasint,omitempty"`
	Session    string `cbor:"13,keyasint,omitempty"`
	ClientID   string `cbor:"14,keyasint,omitempty"`
	Addr       []byte `cbor:"15,keyasint,omitempty"`
	Network    []byte `cbor:"16,keyasint,omitempty"` // netip.Prefix, binary form
	Secured    bool   `cbor:"17,keyasint,omitempty"`
	Actor      string `cbor:"18,keyasint,omitempty"`
	Detail     string `cbor:"19,keyasint,omitempty"`
}

// record clips texts that came from outside: an event is never lost because a
// client called itself something long.
func (e *Event) record() eventRecord {
	r := eventRecord{
		Time: int64(eventMillis(e.Time)), Last: int64(eventMillis(e.Last)), Count: e.Count,
		Kind: string(e.Kind), Outcome: uint8(e.Outcome), Reason: string(e.Reason), Counted: e.Counted,
		Address: e.Address, Credential: clip(e.Credential), Service: clip(e.Service),
		Mechanism: clip(e.Mechanism), Session: clip(e.Session), ClientID: clip(e.ClientID),
		Addr: e.Addr.WithZone("").AsSlice(), Secured: e.Secured,
		Actor: clip(string(e.Actor)), Detail: clip(e.Detail),
	}
	if !e.AccountID.IsZero() {
		r.AccountID = e.AccountID[:]
	}
	if e.Network.IsValid() {
		r.Network, _ = e.Network.MarshalBinary() // a valid prefix always has one
	}
	return r
}

func (r *eventRecord) event(id EventID) (Event, error) {
	e := Event{
		ID: id, Time: time.UnixMilli(r.Time).UTC(), Last: time.UnixMilli(r.Last).UTC(), Count: r.Count,
		Kind: EventKind(r.Kind), Outcome: Outcome(r.Outcome), Reason: Reason(r.Reason), Counted: r.Counted,
		Address: r.Address, Credential: r.Credential, Service: r.Service, Mechanism: r.Mechanism,
		Session: r.Session, ClientID: r.ClientID, Secured: r.Secured, Actor: Actor(r.Actor), Detail: r.Detail,
	}
	e.Addr, _ = netip.AddrFromSlice(r.Addr)
	copy(e.AccountID[:], r.AccountID)
	if len(r.Network) > 0 {
		if err := e.Network.UnmarshalBinary(r.Network); err != nil {
			return Event{}, ErrDamaged
		}
	}
	return e, nil
}

// String returns 32 lower-case hex digits.
func (id EventID) String() string { return hex.EncodeToString(id[:]) }

// UnmarshalText reads String's form.
func (id *EventID) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(id) {
		return ErrMalformedID
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return ErrMalformedID
	}
	return nil
}

// maxText bounds, in bytes, every text of a cold record.
const maxText = 512

// clip returns s as valid UTF-8 of at most maxText bytes.
func clip(s string) string { return clipTo(s, maxText) }

func clipTo(s string, limit int) string {
	if len(s) <= limit && utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s[:min(len(s), limit)], "")
}
