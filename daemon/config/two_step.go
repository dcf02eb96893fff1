package config

import (
	"fmt"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// TwoStep is the section [two_step]: from when an account without a phone is
// treated as if it had one, and what holds for phones and codes.
type TwoStep struct {
	EnforceFrom *Date           // nil = nobody is forced
	BindUntil   *Date           // after this day a first phone needs a helpdesk code; nil = never
	Timezone    string          // IANA name, or "Local" for the machine's own
	Domains     map[string]Date // by lower-case A-label; the zero Date = never

	CodeLifetime Duration // from the first sending
	CodeTries    int      // wrong entries of one code
	CodeSendings int      // of one code, the first included
	ResendAfter  Duration

	WrongInARow int      // wrong codes over all sessions that close the SMS step
	ClosedFor   Duration // how long it is closed then

	AccountsPerNumber int
	NewNumbersPerDay  int      // that an account may name
	Countries         []string // ISO 3166-1 alpha-2, upper case; whose numbers may be bound

	zone *time.Location // of Timezone, looked up once by Load
}

func defaultTwoStep() TwoStep {
	return TwoStep{
		Timezone:          "Local",
		CodeLifetime:      Duration(5 * minute),
		CodeTries:         5,
		CodeSendings:      3,
		ResendAfter:       Duration(minute),
		WrongInARow:       20,
		ClosedFor:         Duration(day),
		AccountsPerNumber: 5,
		NewNumbersPerDay:  3,
		Countries:         []string{"CN"},
	}
}

// Date is a day of the calendar. The zero Date is no day at all.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// IsZero tells whether d is no day.
func (d Date) IsZero() bool { return d == Date{} }

// String is the day as RFC 3339 writes it, "never" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// Start is the first moment of the day in a time zone.
func (d Date) Start(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// ParseDate reads "2026-12-01".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("config: %q is not a date such as 2026-12-01", s)
	}
	return Date{t.Year(), t.Month(), t.Day()}, nil
}

// Enforced tells whether two-step verification is required of the accounts of
// a domain (lower case, "" = none) at a moment. A domain's own date goes before
// the general one. The day begins at midnight in Timezone.
func (t TwoStep) Enforced(domain string, now time.Time) bool {
	from, own := t.Domains[domain]
	if !own {
		if t.EnforceFrom == nil {
			return false
		}
		from = *t.EnforceFrom
	}
	return !from.IsZero() && !now.Before(from.Start(t.Zone()))
}

// BindClosed tells whether a first phone needs a helpdesk code at a moment: the
// day of BindUntil is over in Timezone.
func (t TwoStep) BindClosed(now time.Time) bool {
	if t.BindUntil == nil {
		return false
	}
	next := *t.BindUntil
	next.Day++ // Start knows how long months are
	return !now.Before(next.Start(t.Zone()))
}

// finish checks what more than one key says.
func (t TwoStep) finish(given givenKeys, found *Problems) {
	if t.ResendAfter >= t.CodeLifetime && given.good("two_step.resend_after", "two_step.code_lifetime") {
		found.add(given.line("two_step.resend_after", "two_step.code_lifetime"), "two_step.resend_after",
			"is %s: wants less than code_lifetime, %s", t.ResendAfter, t.CodeLifetime)
	}
	if t.WrongInARow < t.CodeTries && given.good("two_step.wrong_in_a_row", "two_step.code_tries") {
		found.add(given.line("two_step.wrong_in_a_row", "two_step.code_tries"), "two_step.wrong_in_a_row",
			"is %d: wants at least code_tries, %d", t.WrongInARow, t.CodeTries)
	}
}

// checkRequired is for a portal that can send no code: whoever had to bind a
// phone could not, and would be shut out of mail and portal.
func (t TwoStep) checkRequired(doc []entry, found *Problems) {
	for _, e := range doc {
		general := e.path == "two_step.enforce_from"
		if (general || within(e.path, domainsSection)) && e.value.kind == unstable.LocalDate {
			found.add(e.line, e.path, "requires two-step verification, and nobody could bind a phone: there is no [[sms.sender]]")
		}
	}
}

// Zone is the time zone of Timezone; UTC if there is no such zone, which Load
// does not let pass.
func (t TwoStep) Zone() *time.Location {
	if t.zone != nil {
		return t.zone
	}
	zone, err := time.LoadLocation(t.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}
