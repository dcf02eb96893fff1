package store

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"
)

// Actor says who did something: "root", "uid:1000", "owner", "helpdesk:alice",
// "demo". It is shown, never compared with a right.
type Actor string

// Outcome is the verdict on a login. The zero value is Undecided: a question was
// put and not answered, which must never read as "wrong password".
type Outcome uint8

// The outcomes. Their values are on disk.
const (
	Undecided Outcome = iota
	Rejected
	Accepted
)

// String returns "undecided", "rejected" or "accepted".
func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "accepted"
	case Rejected:
		return "rejected"
	}
	return "undecided"
}

// MarshalText returns String's form.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads String's form; what it does not know is Undecided.
func (o *Outcome) UnmarshalText(text []byte) error {
	switch string(text) {
	case "accepted":
		*o = Accepted
	case "rejected":
		*o = Rejected
	default:
		*o = Undecided
	}
	return nil
}

// EventKind says what happened. The list is closed: EventKinds.
type EventKind string

// The kinds of events. Their texts are on disk and in --json.
const (
	EventLogin              EventKind = "login"
	EventLookup             EventKind = "lookup" // a REQUEST that was refused
	EventAccountAdded       EventKind = "account-added"
	EventAccountsExported   EventKind = "accounts-exported" // with secrets
	EventAccountDeleted     EventKind = "account-deleted"
	EventAccountDisabled    EventKind = "account-disabled"
	EventAccountEnabled     EventKind = "account-enabled"
	EventPasswordSet        EventKind = "password-set"
	EventPasswordRehashed   EventKind = "password-rehashed" // the same password, in another stored hash
	EventAppPasswordMade    EventKind = "app-password-made"
	EventAppPasswordRevoked EventKind = "app-password-revoked"
	EventAppPasswordExpired EventKind = "app-password-expired"
	EventPhoneBound         EventKind = "phone-bound"
	EventPhoneUnbound       EventKind = "phone-unbound"
	EventPhoneShown         EventKind = "phone-shown"
	EventExceptionSet       EventKind = "exception-set"
	EventExceptionEnded     EventKind = "exception-ended"
	EventCodeSent           EventKind = "code-sent"
	EventCodeFailed         EventKind = "code-failed" // no sender took it
	EventCodeClosed         EventKind = "code-closed" // too many wrong ones in a row
	EventDeviceTrusted      EventKind = "device-trusted"
	EventDeviceUntrusted    EventKind = "device-untrusted"
	EventDeviceDeleted      EventKind = "device-deleted"
	EventSessionEnded       EventKind = "session-ended"
	EventRecoveryCodesMade  EventKind = "recovery-codes-made"
	EventHelpdeskCodeMade   EventKind = "helpdesk-code-made"
	EventPhoneExpected      EventKind = "phone-expected"
	EventAliasAdded         EventKind = "alias-added"
	EventAliasRemoved       EventKind = "alias-removed"
	EventUserdbSet          EventKind = "userdb-set"      // own fields of an account
	EventUserdbUnset        EventKind = "userdb-unset"    // some, or all
	EventLoginRehearsed     EventKind = "login-rehearsed" // somebody tried a secret with explain
	EventEnforcementReached EventKind = "enforcement-reached"
	EventDamaged            EventKind = "damaged"
	EventEventsLost         EventKind = "events-lost"
)

// EventKinds returns the closed list.
func EventKinds() []EventKind {
	return []EventKind{EventLogin, EventLookup, EventAccountAdded, EventAccountsExported, EventAccountDeleted,
		EventAccountDisabled, EventAccountEnabled, EventPasswordSet, EventPasswordRehashed, EventAppPasswordMade,
		EventAppPasswordRevoked, EventAppPasswordExpired, EventPhoneBound,
		EventPhoneUnbound, EventPhoneShown, EventExceptionSet, EventExceptionEnded,
		EventCodeSent, EventCodeFailed, EventCodeClosed, EventDeviceTrusted, EventDeviceUntrusted,
		EventDeviceDeleted, EventSessionEnded, EventRecoveryCodesMade, EventHelpdeskCodeMade,
		EventPhoneExpected, EventAliasAdded, EventAliasRemoved, EventUserdbSet, EventUserdbUnset, EventLoginRehearsed, EventEnforcementReached, EventDamaged, EventEventsLost}
}

// String returns the text as it is stored and shown.
func (k EventKind) String() string { return string(k) }

// HasOutcome is true for events that are a verdict: logins and look-ups.
func (k EventKind) HasOutcome() bool { return k == EventLogin || k == EventLookup }

// Reason says why a login got its verdict. The list is closed: Reasons.
type Reason string

// The reasons. Their texts are on disk and in --json; people at a mail door
// never see them. The zero value means that no reason applies.
const (
	// Accepted.
	ReasonAppPassword   Reason = "ok-app-password"
	ReasonMainPassword  Reason = "ok-main-password"
	ReasonCode          Reason = "ok-code"
	ReasonRecoveryCode  Reason = "ok-recovery-code"
	ReasonHelpdeskCode  Reason = "ok-helpdesk-code"
	ReasonTrustedDevice Reason = "ok-trusted-device"
	// Rejected.
	ReasonWrongSecret    Reason = "wrong-secret"
	ReasonUnknownAccount Reason = "unknown-account"
	ReasonDisabled       Reason = "disabled"
	ReasonPhoneBound     Reason = "phone-bound"
	ReasonEnforced       Reason = "enforced"
	ReasonNoMainPassword Reason = "no-main-password"
	ReasonRevoked        Reason = "revoked"
	ReasonExpired        Reason = "expired"
	ReasonScope          Reason = "scope"
	ReasonMalformed      Reason = "malformed"
	ReasonUnsecured      Reason = "unsecured"
	ReasonAuthz          Reason = "authz"
	ReasonCredentialGone Reason = "credential-gone" // REQUEST after the credential ended
	ReasonWrongCode      Reason = "wrong-code"
	ReasonCodeExpired    Reason = "code-expired"
	ReasonCodeClosed     Reason = "code-closed" // too many wrong ones in a row before
	// Undecided.
	ReasonThrottled        Reason = "throttled"
	ReasonBusy             Reason = "busy"
	ReasonStoreUnavailable Reason = "store-unavailable"
	ReasonDamaged          Reason = "damaged"
)

// Reasons returns the closed list, without the zero value.
func Reasons() []Reason {
	return []Reason{ReasonAppPassword, ReasonMainPassword, ReasonCode, ReasonRecoveryCode,
		ReasonHelpdeskCode, ReasonTrustedDevice, ReasonWrongSecret, ReasonUnknownAccount, ReasonDisabled, ReasonPhoneBound, ReasonEnforced, ReasonNoMainPassword, ReasonRevoked,
		ReasonExpired, ReasonScope, ReasonMalformed, ReasonUnsecured, ReasonAuthz,
		ReasonCredentialGone, ReasonWrongCode, ReasonCodeExpired, ReasonCodeClosed, ReasonThrottled, ReasonBusy, ReasonStoreUnavailable, ReasonDamaged}
}

// String returns the text as it is stored and shown.
func (r Reason) String() string { return string(r) }

// Event is one thing that happened, or several alike that were merged: then
// Count says how many, Time is the first and Last the last of them. Times are
// kept in milliseconds.
type Event struct {
	ID         EventID      `json:"id" cbor:"-"`
	Time       time.Time    `json:"time"`
	Last       time.Time    `json:"last"`
	Count      uint32       `json:"count"`
	Kind       EventKind    `json:"kind"`
	Outcome    Outcome      `json:"outcome"` // of kinds that have one
	Reason     Reason       `json:"reason,omitempty"`
	Counted    bool         `json:"counted,omitempty"`    // counts against the sender
	AccountID  AccountID    `json:"account_id,omitzero"`  // zero: no such account
	Address    string       `json:"address,omitempty"`    // "": no such account
	Credential string       `json:"credential,omitempty"` // app password id, or main-<account id>
	Service    string       `json:"service,omitempty"`    // as the mail server said it
	Mechanism  string       `json:"mechanism,omitempty"`  // "PLAIN"
	Session    string       `json:"session,omitempty"`    // the mail server's session id
	ClientID   string       `json:"client_id,omitempty"`  // what the program calls itself
	Addr       netip.Addr   `json:"addr,omitzero"`        // the client's
	Network    netip.Prefix `json:"network,omitzero"`     // what Addr is counted with
	Secured    bool         `json:"secured,omitempty"`    // the client's connection is
	Actor      Actor        `json:"actor,omitempty"`      // who changed something
	Detail     string       `json:"detail,omitempty"`     // never a secret
}

// MarshalJSON leaves out the outcome of kinds that have none: "undecided" beside
// a change would say that it may not have happened.
func (e Event) MarshalJSON() ([]byte, error) {
	type fields Event
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // left to who marshals
	if e.Kind.HasOutcome() {
		err := enc.Encode(fields(e))
		return b.Bytes(), err
	}
	err := enc.Encode(struct {
		fields
		Outcome *Outcome `json:"outcome,omitempty"` // hides the other
	}{fields: fields(e)})
	return b.Bytes(), err
}

// EventQuery selects events.
type EventQuery struct {
	// Address selects the events of one address, of an earlier account of that
	// name too; "" selects all events, those of unknown names included.
	Address string
	// AccountID, unless zero, drops events of other accounts.
	AccountID AccountID
	// Since, unless zero, drops events that began earlier.
	Since time.Time
	// After is the ID of the last event of the page before; zero starts with
	// the newest.
	After EventID
	// Limit is the largest number of events; 0 means 100, and 1,000 is the most.
	Limit int
}
