package daemon

import "github.com/latchkey-mail/latchkey/store"

// Present says what could be learnt from the database that was there.
type Present string

// What could be learnt; the texts are in --json.
const (
	PresentRead       Present = "read"
	PresentInPart     Present = "read-in-part" // something in it is damaged
	PresentNone       Present = "none"
	PresentUnreadable Present = "unreadable"
)

// What says what a restore did with something. The list is closed.
type What string

// Of what closed a door after the backup, and was applied again.
const (
	KeptDeleted       What = "account-deleted"
	KeptUndeleted     What = "account-undeleted" // as asked, and disabled
	KeptAliasGone     What = "alias-removed"
	KeptDisabled      What = "account-disabled"
	KeptPassword      What = "main-password" // the present one stays
	KeptPhone         What = "phone"         // bound, or bound to another number
	KeptAppPassword   What = "app-password-ended"
	KeptException     What = "exception-ended"
	KeptExpected      What = "phone-expected"
	KeptRecoveryCodes What = "recovery-codes" // used, made anew, or gone
	KeptCodesClosed   What = "codes-closed"   // too many wrong SMS codes
	KeptEnforcement   What = "enforcement-reached"
)

// Of what opened a door after the backup, or was added, and is lost.
const (
	LostAccount     What = "account-added"
	LostEnabled     What = "account-enabled"
	LostUnbound     What = "phone-unbound"
	LostAppPassword What = "app-password-made"
	LostException   What = "exception-set"
	LostAlias       What = "alias-added"
	LostUserdb      What = "userdb-set"
)

// UnknownAccount is an account of which the present database does not tell what
// was closed: its records there are damaged, or not to be found.
const UnknownAccount What = "not-known"

// RestoredThing is one thing that a restore did, or could not do.
type RestoredThing struct {
	What    What   `json:"what"`
	Address string `json:"address,omitempty"`
	ID      string `json:"id,omitempty"` // an app password's; an alias
}

// RestoredList counts things, and names them all: who is lost has to be made again,
// and what nobody knows of has to be looked at.
type RestoredList struct {
	Count map[What]int    `json:"count"`
	List  []RestoredThing `json:"list"`
}

func (l *RestoredList) add(t RestoredThing) {
	l.Count[t.What]++
	l.List = append(l.List, t)
}

// Total is how many things there are.
func (l RestoredList) Total() int {
	n := 0
	for _, c := range l.Count {
		n += c
	}
	return n
}

// Restored is what a restore did, or would do.
type Restored struct {
	DryRun   bool    `json:"dry_run"`
	Key      string  `json:"key"`
	Accounts int     `json:"accounts"` // in the backup
	Kept     string  `json:"kept,omitempty"`
	Present  Present `json:"present"`
	Why      string  `json:"why,omitempty"` // it could not be read

	Again   RestoredList `json:"again"`   // closed after the backup, and applied again
	Lost    RestoredList `json:"lost"`    // opened or added after the backup
	Unknown RestoredList `json:"unknown"` // accounts of which it cannot be told

	// Rehashed counts main passwords that are hashed with Argon2id at present and
	// were not in the backup: used since, or changed. The present ones stay.
	Rehashed int `json:"rehashed"`

	Sessions int `json:"sessions"` // that ended
	Trusts   int `json:"trusts"`
	Codes    int `json:"codes"` // of SMS and of the helpdesk
}

func newRestored(dry bool) *Restored {
	list := func() RestoredList { return RestoredList{Count: map[What]int{}, List: []RestoredThing{}} }
	return &Restored{DryRun: dry, Again: list(), Lost: list(), Unknown: list()}
}

// of makes a thing of an account.
func of(what What, a *store.Account) RestoredThing {
	return RestoredThing{What: what, Address: a.Address}
}
