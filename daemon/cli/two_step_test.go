package cli

import (
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
)

// TestPrintTwoStep: how an account stands, in account show and in phone show.
func TestPrintTwoStep(t *testing.T) {
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	yesterday, tomorrow := now.AddDate(0, 0, -1), now.AddDate(0, 0, 1)
	for _, tt := range []struct {
		name    string
		stands  accounts.TwoStep
		bound   bool
		account string // the lines of account show
		phone   string // those of phone show
	}{
		{name: "as ever", phone: "  SMS codes  are taken\n"},
		{name: "required soon", stands: accounts.TwoStep{RequiredFrom: tomorrow, BindUntil: tomorrow},
			account: "two-step: required from 2026-12-02 08:00\nfirst phone: bound with the main password alone until 2026-12-02 08:00\n",
			phone:   "  SMS codes  are taken\n"},
		{name: "required, too late to bind", stands: accounts.TwoStep{Required: true, RequiredFrom: yesterday, BindUntil: now},
			account: "two-step: required since 2026-11-30 08:00\nfirst phone: wants a one-time code of the helpdesk since 2026-12-01 08:00\n",
			phone:   "  SMS codes  are taken\n"},
		{name: "excepted", stands: accounts.TwoStep{RequiredFrom: yesterday},
			account: "two-step: required since 2026-11-30 08:00, but not of this account\n", phone: "  SMS codes  are taken\n"},
		{name: "bound and required", bound: true, stands: accounts.TwoStep{Required: true, RequiredFrom: yesterday},
			account: "two-step: required since 2026-11-30 08:00\nrecovery codes: none\n", phone: "  SMS codes       are taken\n  recovery codes  none\n"},
		{name: "bound", bound: true, stands: accounts.TwoStep{RequiredFrom: yesterday, BindUntil: yesterday, RecoveryCodes: 10, RecoveryCodesLeft: 7, Browsers: 2, Trusted: 1, Sessions: 3},
			account: "recovery codes: 7 of 10 left\nbrowsers: 2 (1 trusted), 3 open sessions at the portal\n",
			phone:   "  SMS codes       are taken\n  recovery codes  7 of 10 left\n"},
		{name: "in trouble", bound: true, stands: accounts.TwoStep{ClosedUntil: tomorrow, HelpdeskCodeUntil: tomorrow, Damaged: []string{"browsers", "sessions"},
			Expected: &accounts.Expected{Phone: "+86 138****5678", Made: yesterday, By: "root\x1b"}},
			account: "expected phone: only +86 138****5678 may be bound, said root? on 2026-11-30 08:00\n" +
				"SMS codes: none is taken until 2026-12-02 08:00: too many wrong ones in a row\n" +
				"one-time code: not used yet, valid until 2026-12-02 08:00\nrecovery codes: none\n",
			phone: "  expected phone  only +86 138****5678 may be bound, said root? on 2026-11-30 08:00\n" +
				"  SMS codes       none is taken until 2026-12-02 08:00: too many wrong ones in a row\n" +
				"  one-time code   not used yet, valid until 2026-12-02 08:00\n  recovery codes  none\n  damaged         browsers, sessions\n"},
	} {
		a, out, _ := testApp()
		a.now = func() time.Time { return now }
		got := ""
		a.printTwoStep(func(key, text string) { got += key + ": " + text + "\n" }, tt.stands, tt.bound)
		if got != tt.account {
			t.Errorf("%s: account show\n%s", tt.name, got)
		}
		shown, first := admin.PhoneShown{TwoStep: tt.stands}, "a: no phone is bound\n"
		if tt.bound {
			shown.Phone, first = &accounts.Phone{Number: "+86 139****4321", Bound: now, BoundBy: "root"}, "a: +86 139****4321, bound 2026-12-01 08:00 by root\n"
		}
		a.printPhone(out, "a", shown)
		if out.String() != first+tt.phone {
			t.Errorf("%s: phone show\n%s", tt.name, out)
		}
	}
}
