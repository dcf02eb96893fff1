package accounts

import (
	"net/netip"

	"github.com/latchkey-mail/latchkey/store"
)

// Browser is what the portal knows of the browser that asks.
type Browser struct {
	Addr      netip.Addr
	Network   netip.Prefix // what Addr is counted with
	UserAgent string
	Language  string // of messages to phones: "zh-CN" or "en"
}

// Session is a session of the portal, as it was when it was last looked at. A
// method that is given one reads its record again.
type Session struct {
	store.Session // its Tag is zero

	Bound          bool   // a phone is
	Required       bool   // two-step verification is, and no phone is bound: nothing but binding one is allowed
	MustKeep       bool   // two-step verification is required and a phone is bound: it may be changed, not unbound
	HelpdeskNeeded bool   // to bind the first phone, and none of its codes was given in this session
	Fresh          bool   // what wants the second step passed a moment ago is allowed; who has none, has nothing to pass
	Phone          string // masked, "" if none is bound

	tag [16]byte // of the token that it was found by
}

// SignIn is a main password that was right a moment ago, and where it came from.
type SignIn struct {
	Address     string
	Account     store.AccountID
	Fingerprint [16]byte // of the stored hash that the password matched: store.Account.MainFingerprint
	Browser     Browser
	Device      string // cookie of the browser as a device of this account, "" if it has none
	Old         string // cookie of the session that is replaced, "" if there is none
}

// Entered is where a session stands after a step.
type Entered struct {
	Session Session
	Cookie  Cookie   // holds a new token; the one before opens nothing any more
	Device  *Cookie  // to be kept under the account's own name; nil: stays as it is
	Binding *Binding // what binding a phone did; nil: none was bound
}
