package store

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The hot record, version 1; integers are big-endian, times are Unix seconds
// and 0 is no time:
//
//	version (1) ‖ flags (1) ‖ account id (8) ‖ bound (8) ‖ exempt until (8) ‖
//	len (2) ‖ main hash ‖ rows (2) ‖ rows × [ id (8) ‖ tag (16) ‖ scopes (1) ‖
//	state (1) ‖ expires (8) ]
//
// It is read at every login, so it is decoded by hand: one Account, one slice of
// rows, one string.
const (
	accountVersion  = 1
	accountFixedLen = 1 + 1 + 8 + 8 + 8 + 2
	accountRowLen   = 8 + 16 + 1 + 1 + 8

	flagDisabled  = 1 << 0
	flagOwnUserdb = 1 << 1
)

// Bounds of an account.
const (
	maxMainHash = 512
	// MaxAppPasswordRows is the most rows an account may have, live ones and
	// headstones.
	MaxAppPasswordRows = 1024
)

// appendAccount appends the record's payload to dst.
func appendAccount(dst []byte, a *Account) []byte {
	flags := byte(0)
	if a.Disabled {
		flags |= flagDisabled
	}
	if a.OwnUserdb {
		flags |= flagOwnUserdb
	}
	dst = append(dst, accountVersion, flags)
	dst = append(dst, a.ID[:]...)
	dst = appendSeconds(dst, a.Bound)
	dst = appendSeconds(dst, a.ExemptUntil)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(a.MainHash)))
	dst = append(dst, a.MainHash...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(a.AppPasswords)))
	for i := range a.AppPasswords {
		r := &a.AppPasswords[i]
		dst = append(dst, r.ID[:]...)
		dst = append(dst, r.Tag[:]...)
		dst = append(dst, byte(r.Scopes), byte(r.State))
		dst = appendSeconds(dst, r.Expires)
	}
	return dst
}

// decodeAccount reads a payload whose MAC was right. Lengths are checked all the
// same, and what appendAccount does not write is refused.
func decodeAccount(address string, b []byte) (*Account, error) {
	if len(b) < accountFixedLen || b[0] != accountVersion || b[1]&^(flagDisabled|flagOwnUserdb) != 0 {
		return nil, fmt.Errorf("%w: account", ErrDamaged)
	}
	a := &Account{
		Address:     address,
		ID:          AccountID(b[2:10]),
		Disabled:    b[1]&flagDisabled != 0,
		OwnUserdb:   b[1]&flagOwnUserdb != 0,
		Bound:       secondsAt(b[10:]),
		ExemptUntil: secondsAt(b[18:]),
	}
	hashLen := int(binary.BigEndian.Uint16(b[26:]))
	if b = b[accountFixedLen:]; len(b) < hashLen+2 {
		return nil, fmt.Errorf("%w: account hash", ErrDamaged)
	}
	a.MainHash = string(b[:hashLen])
	rows := int(binary.BigEndian.Uint16(b[hashLen:]))
	if b = b[hashLen+2:]; len(b) != rows*accountRowLen {
		return nil, fmt.Errorf("%w: account rows", ErrDamaged)
	}
	if rows == 0 {
		return a, nil
	}
	a.AppPasswords = make([]AppPasswordRow, rows)
	for i := range a.AppPasswords {
		row := b[i*accountRowLen:][:accountRowLen]
		a.AppPasswords[i] = AppPasswordRow{
			ID:      AppPasswordID(row[:8]),
			Tag:     [16]byte(row[8:24]),
			Scopes:  Scopes(row[24]),
			State:   AppPasswordState(row[25]),
			Expires: secondsAt(row[26:]),
		}
	}
	return a, nil
}

// check returns ErrInvalidRecord for an account that must not be written.
func (a *Account) check() error {
	switch {
	case !validAddress(a.Address) || !utf8.ValidString(a.Address):
		return fmt.Errorf("%w: address", ErrInvalidRecord)
	case a.ID.IsZero():
		return fmt.Errorf("%w: account without id", ErrInvalidRecord)
	case len(a.MainHash) > maxMainHash:
		return fmt.Errorf("%w: main hash", ErrInvalidRecord)
	case len(a.AppPasswords) > MaxAppPasswordRows:
		return fmt.Errorf("%w: more than %d app passwords", ErrInvalidRecord, MaxAppPasswordRows)
	}
	for _, r := range a.AppPasswords {
		if r.ID.IsZero() || r.State == 0 {
			return fmt.Errorf("%w: app password row without id or state", ErrInvalidRecord)
		}
	}
	return nil
}

// validAddress is the store's own minimum: it fits in a key and cannot be
// mistaken for part of another. What an address may look like is decided where
// names are prepared.
func validAddress(address string) bool {
	return address != "" && len(address) <= maxAddress && strings.IndexByte(address, 0) < 0
}

// seconds is Unix time in seconds; 0 stands for no time.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromSeconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func appendSeconds(dst []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(seconds(t)))
}

func secondsAt(b []byte) time.Time { return fromSeconds(int64(binary.BigEndian.Uint64(b))) }
