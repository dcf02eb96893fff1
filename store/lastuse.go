package store

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// LastUse is when and from where a credential was last used. Times are kept in
// seconds.
type LastUse struct {
	Time     time.Time  `json:"time"`
	Addr     netip.Addr `json:"addr,omitzero"`
	Service  string     `json:"service,omitempty"`
	ClientID string     `json:"client_id,omitempty"` // what the program calls itself
}

// Use is one stamp of WriteMerged. It is dropped if the account with this
// address and id, or its credential, is gone: a late stamp must not outlive
// them. A session's moves Session.Seen, the others make a LastUse.
type Use struct {
	Address    string
	AccountID  AccountID
	Credential string // an app password's id, main-<account id> or session-<id>
	LastUse
}

// MainCredential is the credential id of an account's main password:
// "main-<account id>".
func MainCredential(id AccountID) string { return "main-" + id.String() }

// SessionCredential is the credential id of a session of the portal:
// "session-<id>".
func SessionCredential(id SessionID) string { return sessionCredential + id.String() }

const sessionCredential = "session-"

// lastUseRecord is LastUse on disk.
type lastUseRecord struct {
	Time     int64  `cbor:"1,keyasint"`
	Addr     []byte `cbor:"2,keyasint,omitempty"`
	Service  string `cbor:"3,keyasint,omitempty"`
	ClientID string `cbor:"4,keyasint,omitempty"`
}

// LastUses returns the last use of each of the account's credentials, by
// credential id.
func (r *Reader) LastUses(acct AccountID) (map[string]LastUse, error) {
	uses := make(map[string]LastUse)
	err := r.scanBelow(acct, belowLastUse, func(credential string, payload []byte) error {
		record, err := decode[lastUseRecord](r.s, payload)
		if err != nil {
			return err
		}
		addr, _ := netip.AddrFromSlice(record.Addr)
		uses[credential] = LastUse{Time: fromSeconds(record.Time), Addr: addr,
			Service: record.Service, ClientID: record.ClientID}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return uses, nil
}

// putUse writes one stamp, unless its account or app password is gone.
func (w *Writer) putUse(u Use) error {
	a, err := w.Account(u.Address)
	if errors.Is(err, ErrNoAccount) || errors.Is(err, kv.ErrDamaged) {
		return nil // a damaged account must not hold up the whole batch
	} else if err != nil {
		return err
	}
	if a.ID != u.AccountID {
		return nil
	}
	if text, ok := strings.CutPrefix(u.Credential, sessionCredential); ok {
		return w.putSeen(a.ID, text, u.LastUse)
	}
	if !a.hasCredential(u.Credential) {
		return nil
	}
	return putCold(w, belowKey(a.ID, belowLastUse, u.Credential), lastUseRecord{
		Time: seconds(u.Time), Addr: u.Addr.WithZone("").AsSlice(), Service: clip(u.Service), ClientID: clip(u.ClientID)})
}

func (a *Account) hasCredential(credential string) bool {
	if credential == MainCredential(a.ID) {
		return true
	}
	id, err := ParseAppPasswordID(credential)
	if err != nil {
		return false
	}
	for i := range a.AppPasswords {
		if a.AppPasswords[i].ID == id {
			return true
		}
	}
	return false
}
