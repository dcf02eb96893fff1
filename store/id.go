package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// AccountID names an account for ever: random, never zero, never reused. A
// re-created address gets a new one and so inherits nothing.
type AccountID [8]byte

// AppPasswordID names an app password for ever; it is no secret.
type AppPasswordID [8]byte

// SessionID names a session of the portal; it is no secret.
type SessionID [8]byte

// DeviceID names a browser that signed in at the portal; it is no secret.
type DeviceID [8]byte

// ChallengeID is what an SMS code is derived from (secret.Keys.Code). Without
// the key it tells nothing.
type ChallengeID [16]byte

// ErrMalformedID means that a text is not the 16 hex digits of an id.
var ErrMalformedID = errors.New("store: malformed id")

// String returns 16 lower-case hex digits.
func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// String returns 16 lower-case hex digits.
func (id AppPasswordID) String() string { return hex.EncodeToString(id[:]) }

// String returns 16 lower-case hex digits.
func (id SessionID) String() string { return hex.EncodeToString(id[:]) }

// String returns 16 lower-case hex digits.
func (id DeviceID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id is the one that no account has.
func (id AccountID) IsZero() bool { return id == AccountID{} }

// IsZero reports whether the id is the one that no app password has.
func (id AppPasswordID) IsZero() bool { return id == AppPasswordID{} }

// IsZero reports whether the id is the one that no session has.
func (id SessionID) IsZero() bool { return id == SessionID{} }

// IsZero reports whether the id is the one that no device has.
func (id DeviceID) IsZero() bool { return id == DeviceID{} }

// IsZero reports whether the id is the one that no challenge has.
func (id ChallengeID) IsZero() bool { return id == ChallengeID{} }

// MarshalText returns String's form.
func (id AccountID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// MarshalText returns String's form.
func (id AppPasswordID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// MarshalText returns String's form.
func (id SessionID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// MarshalText returns String's form.
func (id DeviceID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads String's form.
func (id *AccountID) UnmarshalText(text []byte) error { return parseID(id[:], string(text)) }

// UnmarshalText reads String's form.
func (id *AppPasswordID) UnmarshalText(text []byte) error { return parseID(id[:], string(text)) }

// UnmarshalText reads String's form.
func (id *SessionID) UnmarshalText(text []byte) error { return parseID(id[:], string(text)) }

// UnmarshalText reads String's form.
func (id *DeviceID) UnmarshalText(text []byte) error { return parseID(id[:], string(text)) }

// ParseAppPasswordID reads String's form; anything else is ErrMalformedID.
func ParseAppPasswordID(s string) (AppPasswordID, error) {
	var id AppPasswordID
	err := parseID(id[:], s)
	return id, err
}

// ParseAccountID reads String's form; anything else is ErrMalformedID.
func ParseAccountID(s string) (AccountID, error) {
	var id AccountID
	err := parseID(id[:], s)
	return id, err
}

// ParseSessionID reads String's form; anything else is ErrMalformedID.
func ParseSessionID(s string) (SessionID, error) {
	var id SessionID
	err := parseID(id[:], s)
	return id, err
}

// ParseDeviceID reads String's form; anything else is ErrMalformedID.
func ParseDeviceID(s string) (DeviceID, error) {
	var id DeviceID
	err := parseID(id[:], s)
	return id, err
}

// NewAppPasswordID draws an id.
func NewAppPasswordID(rand io.Reader) (AppPasswordID, error) {
	var id AppPasswordID
	err := drawID(rand, id[:])
	return id, err
}

// NewSessionID draws an id.
func NewSessionID(rand io.Reader) (SessionID, error) {
	var id SessionID
	err := drawID(rand, id[:])
	return id, err
}

// NewDeviceID draws an id.
func NewDeviceID(rand io.Reader) (DeviceID, error) {
	var id DeviceID
	err := drawID(rand, id[:])
	return id, err
}

// NewChallengeID draws an id.
func NewChallengeID(rand io.Reader) (ChallengeID, error) {
	var id ChallengeID
	err := drawID(rand, id[:])
	return id, err
}

func newAccountID(rand io.Reader) (AccountID, error) {
	var id AccountID
	err := drawID(rand, id[:])
	return id, err
}

// drawID fills id and makes sure that it is not zero, which means "none".
func drawID(rand io.Reader, id []byte) error {
	for {
		if _, err := io.ReadFull(rand, id); err != nil {
			return fmt.Errorf("store: drawing an id: %w", err)
		}
		for _, b := range id {
			if b != 0 {
				return nil
			}
		}
	}
}

func parseID(id []byte, s string) error {
	var raw [8]byte
	if len(s) != hex.EncodedLen(len(raw)) {
		return ErrMalformedID
	}
	for _, c := range []byte(s) { // hex accepts upper case; an id has one spelling
		if c >= 'A' && c <= 'F' {
			return ErrMalformedID
		}
	}
	if _, err := hex.Decode(raw[:], []byte(s)); err != nil {
		return ErrMalformedID
	}
	copy(id, raw[:])
	return nil
}
