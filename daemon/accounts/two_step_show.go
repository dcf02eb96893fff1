package accounts

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// TwoStep is how an account stands with two-step verification, beside its phone:
// what a helpdesk is asked about.
type TwoStep struct {
	Required     bool      `json:"required"`               // of this account, now: it is not excepted
	RequiredFrom time.Time `json:"required_from,omitzero"` // of its domain; zero: from no day on
	BindUntil    time.Time `json:"bind_until,omitzero"`    // from then on a first phone needs a helpdesk code; zero: it never does
	Expected     *Expected `json:"expected,omitempty"`     // the only number that may be bound; nil: any

	ClosedUntil       time.Time `json:"codes_closed_until,omitzero"`  // no SMS code is taken before; zero: they are
	HelpdeskCodeUntil time.Time `json:"helpdesk_code_until,omitzero"` // one waits to be used; zero: none does
	RecoveryCodes     int       `json:"recovery_codes"`               // that were made
	RecoveryCodesLeft int       `json:"recovery_codes_left"`

	Browsers int      `json:"browsers"`          // of the last 7 days, and trusted ones
	Trusted  int      `json:"browsers_trusted"`  // of those
	Sessions int      `json:"sessions"`          // at the portal, open now
	Damaged  []string `json:"damaged,omitempty"` // what cannot be read
}

// Expected is the only number that may be bound to an account.
type Expected struct {
	Phone string      `json:"phone"` // masked
	Made  time.Time   `json:"made"`
	By    store.Actor `json:"by"`
}

// TwoStep is how an account stands. Like Show it tells no secret and no whole
// number.
func (s *Service) TwoStep(ctx context.Context, typed string) (TwoStep, error) {
	name, err := s.address(typed)
	if err != nil {
		return TwoStep{}, err
	}
	if err := s.flush(ctx, name); err != nil { // when a session was seen waits in memory
		return TwoStep{}, explain(err)
	}
	var stands TwoStep
	err = s.Store.View(ctx, func(r *store.Reader) error {
		account, err := find(r, name)
		if err != nil {
			return err
		}
		stands, err = s.twoStep(r, account)
		return err
	})
	return stands, explain(err)
}

func (s *Service) twoStep(r *store.Reader, a *store.Account) (TwoStep, error) {
	now, cfg := s.Now(), s.Config()
	_, domain, _ := strings.Cut(a.Address, "@")
	x := TwoStep{Required: s.enforced(a, now) && !a.ExemptUntil.After(now), RequiredFrom: requiredFrom(cfg.TwoStep, domain)}
	if d := cfg.TwoStep.BindUntil; d != nil {
		x.BindUntil = d.Start(cfg.TwoStep.Zone())
	}
	for _, err := range []error{
		x.damage("expected number", x.readExpected(r, a.ID)),
		x.damage("state of codes", x.readCodes(r, a.ID, now)),
		x.damage("helpdesk code", x.readHelpdeskCode(r, a.ID, now)),
		x.damage("recovery codes", x.readRecoveryCodes(r, a.ID)),
		x.damage("browsers", x.readBrowsers(r, a.ID, now)),
		x.damage("sessions", s.countSessions(&x, r, a.ID, now)),
	} {
		if err != nil {
			return TwoStep{}, err
		}
	}
	return x, nil
}

// requiredFrom is when the day begins from which two-step verification is
// required of a domain's accounts.
func requiredFrom(two config.TwoStep, domain string) time.Time {
	day, own := two.Domains[domain]
	if !own && two.EnforceFrom != nil {
		day = *two.EnforceFrom
	}
	if day.IsZero() {
		return time.Time{}
	}
	return day.Start(two.Zone())
}

// damage notes that a record is damaged, which is no reason not to show the
// others; other errors come back.
func (x *TwoStep) damage(record string, err error) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	x.Damaged = append(x.Damaged, record)
	return nil
}

func (x *TwoStep) readExpected(r *store.Reader, id store.AccountID) error {
	p, err := r.ExpectedPhone(id)
	switch {
	case errors.Is(err, store.ErrNoExpectedPhone):
		return nil
	case err == nil:
		x.Expected = &Expected{store.MaskNumber(p.Number), p.Made, p.By}
	}
	return err
}

func (x *TwoStep) readCodes(r *store.Reader, id store.AccountID, now time.Time) error {
	codes, err := r.CodeState(id)
	if codes.ClosedUntil.After(now) {
		x.ClosedUntil = codes.ClosedUntil
	}
	return err
}

func (x *TwoStep) readHelpdeskCode(r *store.Reader, id store.AccountID, now time.Time) error {
	code, err := r.HelpdeskCode(id)
	if errors.Is(err, store.ErrNoHelpdeskCode) {
		return nil
	}
	if code.Until.After(now) {
		x.HelpdeskCodeUntil = code.Until
	}
	return err
}

func (x *TwoStep) readRecoveryCodes(r *store.Reader, id store.AccountID) error {
	all, err := r.RecoveryCodes(id)
	if errors.Is(err, store.ErrNoRecoveryCodes) {
		return nil
	}
	x.RecoveryCodes = len(all.Codes)
	for _, code := range all.Codes {
		if code.Used.IsZero() {
			x.RecoveryCodesLeft++
		}
	}
	return err
}

func (x *TwoStep) readBrowsers(r *store.Reader, id store.AccountID, now time.Time) error {
	all, err := r.Devices(id)
	for _, d := range all {
		if !forgotten(d, now) {
			x.Browsers++
		}
		if d.TrustedAt(now) {
			x.Trusted++
		}
	}
	return err
}

// countSessions leaves out those that ended by themselves and are still on record.
func (s *Service) countSessions(x *TwoStep, r *store.Reader, id store.AccountID, now time.Time) error {
	all, err := r.Sessions(id)
	for _, session := range all {
		if !s.over(session, now) {
			x.Sessions++
		}
	}
	return err
}
