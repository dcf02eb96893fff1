package store

import (
	"fmt"
	"slices"
	"time"
)

// AppPasswordState says whether an app password opens anything, and if not, why.
type AppPasswordState uint8

// The states. Their values are on disk. All but Live are headstones: kept so
// that the person sees why a device stopped and an old secret is recognised.
const (
	Live              AppPasswordState = 1
	Revoked           AppPasswordState = 2
	Expired           AppPasswordState = 3
	MadeBeforeBinding AppPasswordState = 4
)

// String returns "live", "revoked", "expired" or "made-before-binding".
func (s AppPasswordState) String() string {
	switch s {
	case Live:
		return "live"
	case Revoked:
		return "revoked"
	case Expired:
		return "expired"
	case MadeBeforeBinding:
		return "made-before-binding"
	}
	return fmt.Sprintf("state-%d", uint8(s))
}

// MarshalText returns String's form.
func (s AppPasswordState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads String's form of a known state.
func (s *AppPasswordState) UnmarshalText(text []byte) error {
	for _, known := range []AppPasswordState{Live, Revoked, Expired, MadeBeforeBinding} {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("store: unknown app password state")
}

// AppPassword is what people see of an app password; its tag, scopes, expiry and
// state decide logins from the account's own record (AppPasswordRow), and are
// repeated here so that a list needs no second look. Times are kept in seconds.
type AppPassword struct {
	ID      AppPasswordID    `json:"id"`
	Name    string           `json:"name"`
	Made    time.Time        `json:"made"`
	MadeBy  Actor            `json:"made_by"`
	ByAdmin bool             `json:"by_admin"` // made for the owner, not by them
	Scopes  Scopes           `json:"scopes"`
	Expires time.Time        `json:"expires,omitzero"` // zero: never
	Ended   time.Time        `json:"ended,omitzero"`   // zero: live
	EndedBy Actor            `json:"ended_by,omitempty"`
	State   AppPasswordState `json:"state"` // Live, or what ended it
}

// appPasswordRecord is AppPassword on disk.
type appPasswordRecord struct {
	Name    string `cbor:"1,keyasint"`
	Made    int64  `cbor:"2,keyasint"`
	MadeBy  string `cbor:"3,keyasint,omitempty"`
	ByAdmin bool   `cbor:"4,keyasint,omitempty"`
	Scopes  uint8  `cbor:"5,keyasint"`
	Expires int64  `cbor:"6,keyasint,omitempty"`
	Ended   int64  `cbor:"7,keyasint,omitempty"`
	EndedBy string `cbor:"8,keyasint,omitempty"`
	State   uint8  `cbor:"9,keyasint"`
}

func (p AppPassword) record() appPasswordRecord {
	return appPasswordRecord{Name: p.Name, Made: seconds(p.Made), MadeBy: string(p.MadeBy),
		ByAdmin: p.ByAdmin, Scopes: uint8(p.Scopes), Expires: seconds(p.Expires),
		Ended: seconds(p.Ended), EndedBy: string(p.EndedBy), State: uint8(p.State)}
}

func (r appPasswordRecord) appPassword(id AppPasswordID) AppPassword {
	return AppPassword{ID: id, Name: r.Name, Made: fromSeconds(r.Made), MadeBy: Actor(r.MadeBy),
		ByAdmin: r.ByAdmin, Scopes: Scopes(r.Scopes), Expires: fromSeconds(r.Expires),
		Ended: fromSeconds(r.Ended), EndedBy: Actor(r.EndedBy), State: AppPasswordState(r.State)}
}

func appPasswordKey(acct AccountID, id AppPasswordID) []byte {
	return belowKey(acct, belowAppPassword, string(id[:]))
}

// AppPassword returns one app password of the account, or ErrNoAppPassword.
func (r *Reader) AppPassword(acct AccountID, id AppPasswordID) (AppPassword, error) {
	payload, err := r.payload(appPasswordKey(acct, id), ErrNoAppPassword)
	if err != nil {
		return AppPassword{}, err
	}
	record, err := decode[appPasswordRecord](r.s, payload)
	return record.appPassword(id), err
}

// AppPasswords returns all app passwords of the account, headstones too, oldest
// first.
func (r *Reader) AppPasswords(acct AccountID) ([]AppPassword, error) {
	var list []AppPassword
	err := r.scanBelow(acct, belowAppPassword, func(rest string, payload []byte) error {
		if len(rest) != len(AppPasswordID{}) {
			return fmt.Errorf("%w: app password id", ErrDamaged)
		}
		record, err := decode[appPasswordRecord](r.s, payload)
		list = append(list, record.appPassword(AppPasswordID([]byte(rest))))
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b AppPassword) int { return a.Made.Compare(b.Made) })
	return list, nil
}

// PutAppPassword writes what people see of an app password. The row that decides
// logins is the caller's to write in the same transaction: PutAccount.
func (w *Writer) PutAppPassword(acct AccountID, p AppPassword) error {
	if acct.IsZero() || p.ID.IsZero() || p.State == 0 {
		return fmt.Errorf("%w: app password without account, id or state", ErrInvalidRecord)
	}
	if err := checkTexts("app password", p.Name, string(p.MadeBy), string(p.EndedBy)); err != nil {
		return err
	}
	return putCold(w, appPasswordKey(acct, p.ID), p.record())
}

// DeleteAppPassword removes what people see of an app password, its last use and
// its SCRAM keys: for headstones beyond the number that is kept.
func (w *Writer) DeleteAppPassword(acct AccountID, id AppPasswordID) error {
	if err := w.deleteSCRAMRow(acct, id); err != nil {
		return err
	}
	if err := w.kv.Delete(belowKey(acct, belowLastUse, id.String())); err != nil {
		return err
	}
	return w.kv.Delete(appPasswordKey(acct, id))
}
