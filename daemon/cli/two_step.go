package cli

import (
	"fmt"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// printTwoStep is how an account stands with two-step verification; what is as
// ever has no line.
func (a *app) printTwoStep(line func(key, text string), x accounts.TwoStep, bound bool) {
	if x.Required || !bound && !x.RequiredFrom.IsZero() {
		line("two-step", a.requiredWords(x))
	}
	if x.Expected != nil {
		line("expected phone", a.expectedWords(x.Expected))
	}
	if !bound && !x.BindUntil.IsZero() {
		line("first phone", a.firstPhoneWords(x))
	}
	if !x.ClosedUntil.IsZero() {
		line("SMS codes", a.closedWords(x))
	}
	if !x.HelpdeskCodeUntil.IsZero() {
		line("one-time code", a.helpdeskCodeWords(x))
	}
	if bound {
		line("recovery codes", recoveryWords(x))
	}
	if x.Browsers+x.Sessions > 0 {
		line("browsers", fmt.Sprintf("%d (%d trusted), %s at the portal", x.Browsers, x.Trusted, plural(x.Sessions, "open session", "open sessions")))
	}
}

func (a *app) requiredWords(x accounts.TwoStep) string {
	switch {
	case x.Required:
		return "required since " + a.moment(x.RequiredFrom)
	case x.RequiredFrom.After(a.now()):
		return "required from " + a.moment(x.RequiredFrom)
	default:
		return "required since " + a.moment(x.RequiredFrom) + ", but not of this account"
	}
}

func (a *app) expectedWords(e *accounts.Expected) string {
	return fmt.Sprintf("only %s may be bound, said %s on %s", e.Phone, printable(string(e.By)), a.moment(e.Made))
}

func (a *app) firstPhoneWords(x accounts.TwoStep) string {
	if x.BindUntil.After(a.now()) {
		return "bound with the main password alone until " + a.moment(x.BindUntil)
	}
	return "wants a one-time code of the helpdesk since " + a.moment(x.BindUntil)
}

func (a *app) closedWords(x accounts.TwoStep) string {
	return "none is taken until " + a.moment(x.ClosedUntil) + ": too many wrong ones in a row"
}

func recoveryWords(x accounts.TwoStep) string {
	if x.RecoveryCodes == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of %d left", x.RecoveryCodesLeft, x.RecoveryCodes)
}

func (a *app) helpdeskCodeWords(x accounts.TwoStep) string {
	return "not used yet, valid until " + a.moment(x.HelpdeskCodeUntil)
}
