package policy_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
)

// TestEvent: facts and verdict come through whole, and who is named by it.
func TestEvent(t *testing.T) {
	at := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	f := policy.Facts{Service: "imap", Mechanism: "PLAIN", Addr: netip.MustParseAddr("2001:db8::1"), Secured: true, Session: "s", ClientID: "c"}
	login := policy.Login{Address: address, Account: store.AccountID{1}}
	app := login
	app.AppPassword = store.AppPasswordID{2}
	for name, tc := range map[string]struct {
		v          policy.Verdict
		named      bool
		credential string
	}{
		"unknown name":  {policy.Verdict{Outcome: store.Rejected, Reason: store.ReasonUnknownAccount, Counted: true, Name: "hunter2@example.org"}, false, ""},
		"main, wrong":   {policy.Verdict{Outcome: store.Rejected, Reason: store.ReasonWrongSecret, Known: true, Login: login}, true, ""},
		"main, right":   {policy.Verdict{Outcome: store.Accepted, Reason: store.ReasonMainPassword, Known: true, Login: login}, true, login.Credential()},
		"app, revoked":  {policy.Verdict{Outcome: store.Rejected, Reason: store.ReasonRevoked, Known: true, Login: app}, true, app.Credential()},
		"app, accepted": {policy.Verdict{Outcome: store.Accepted, Reason: store.ReasonAppPassword, Known: true, Login: app}, true, app.Credential()},
	} {
		want := store.Event{Time: at, Kind: store.EventLogin, Outcome: tc.v.Outcome, Reason: tc.v.Reason, Counted: tc.v.Counted,
			Service: "imap", Mechanism: "PLAIN", Session: "s", ClientID: "c", Addr: f.Addr,
			Network: netip.MustParsePrefix("2001:db8::/64"), Secured: true, Credential: tc.credential}
		if tc.named {
			want.AccountID, want.Address = login.Account, login.Address
		}
		if got := policy.Event(&f, &tc.v, at); got != want {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
}

// TestHashWithin leaves a quarter of the refusals' age for the hash itself, and
// is long enough for one.
func TestHashWithin(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{
		0: 500 * time.Millisecond, 400 * time.Millisecond: 500 * time.Millisecond, 2 * time.Second: 1500 * time.Millisecond,
	} {
		if got := policy.HashWithin(age); got != want {
			t.Errorf("%v: %v, want %v", age, got, want)
		}
	}
}
