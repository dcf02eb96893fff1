package store

import (
	"crypto/subtle"
	"time"
)

// Account is the hot record: all that a login needs in one read. Names, phone
// and the like are records of their own below the account's id. Times are kept
// in seconds.
type Account struct {
	Address     string // the prepared name, and the record's key
	ID          AccountID
	Disabled    bool
	OwnUserdb   bool      // has userdb fields of its own: Reader.Userdb
	MainHash    string    // "": has no main password
	Bound       time.Time // zero: no phone bound
	ExemptUntil time.Time // zero: no exception from enforcement

	// AppPasswords are the live ones, in the order in which they were made, and
	// between them the headstones, in the order in which they were buried.
	AppPasswords []AppPasswordRow
}

// AppPasswordRow is the part of an app password that decides logins.
type AppPasswordRow struct {
	ID      AppPasswordID
	Tag     [16]byte // secret.Keys.AppPasswordTag
	Scopes  Scopes
	State   AppPasswordState
	Expires time.Time // zero: never
}

// Match looks for the row with this tag. It compares with every row in constant
// time, whether or not one matched, so that the time tells nothing about where.
func (a *Account) Match(tag [16]byte) (AppPasswordRow, bool) {
	at := -1
	for i := range a.AppPasswords {
		same := subtle.ConstantTimeCompare(a.AppPasswords[i].Tag[:], tag[:])
		at = subtle.ConstantTimeSelect(same, i, at)
	}
	if at < 0 {
		return AppPasswordRow{}, false
	}
	return a.AppPasswords[at], true
}

// Live reports whether the row opens anything at now: an app password whose time
// has come is dead before anything has written its headstone.
func (r AppPasswordRow) Live(now time.Time) bool {
	return r.State == Live && (r.Expires.IsZero() || now.Before(r.Expires))
}
