package accounts

import (
	"net/netip"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Devices are what an account was used from in the last 7 days, and the browsers
// that are trusted.
type Devices struct {
	Browsers []BrowserDevice `json:"browsers"` // the last seen first
	Programs []Program       `json:"programs"` // the last seen first
}

// BrowserDevice is a browser that signed in at the portal.
type BrowserDevice struct {
	ID           store.DeviceID `json:"id"`
	UserAgent    string         `json:"user_agent,omitempty"`
	First        time.Time      `json:"first"`
	Last         time.Time      `json:"last"` // sign-in
	Addr         netip.Addr     `json:"addr,omitzero"`
	Trusted      time.Time      `json:"trusted,omitzero"` // zero: is not
	TrustedUntil time.Time      `json:"trusted_until,omitzero"`
	Current      bool           `json:"current,omitempty"` // the one that asks
	Sessions     int            `json:"sessions"`          // that are open
}

// Program is a mail program, as far as mail servers tell one from another.
type Program struct {
	AppPassword store.AppPasswordID    `json:"app_password,omitzero"` // zero: the main password, or one that nobody knows
	Name        string                 `json:"name,omitempty"`        // of the app password
	Service     string                 `json:"service,omitempty"`
	ClientID    string                 `json:"client_id,omitempty"`
	Addr        netip.Addr             `json:"addr,omitzero"`
	Last        time.Time              `json:"last"`
	Count       uint32                 `json:"count"`           // logins that ended alike, the last included
	State       store.AppPasswordState `json:"state,omitempty"` // of the app password
	Refused     bool                   `json:"refused,omitempty"`
	Reason      store.Reason           `json:"reason"` // of the last login
}
