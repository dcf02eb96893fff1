package accounts

import (
	"errors"
	"slices"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/latchkey-mail/latchkey/store"
)

// allowedNumber reads a mobile number of a country whose numbers may be bound.
func (s *Service) allowedNumber(typed string) (string, error) {
	e164, err := mobileNumber(typed)
	if err != nil {
		return "", err
	}
	number, err := phonenumbers.Parse(e164, region)
	if err != nil || !slices.Contains(s.Config().TwoStep.Countries, phonenumbers.GetRegionCodeForNumber(number)) {
		return "", &Error{Kind: ErrCountry, Sentence: "numbers of this country cannot be bound here"}
	}
	return e164, nil
}

// boundNumber is the number that codes go to.
func (o *own) boundNumber() (string, error) {
	p, err := phone(&o.Reader, o.account)
	return p.Number, err
}

// mayBind wants a number that this session may bind: the one that is expected if
// any is, and not one of too many accounts. A first phone may need the helpdesk;
// another one needs the second step, unless that is what was lost. The one that is
// bound is bound again only in the place of the second step: who has the phone, but
// entered too many wrong codes, opens the step by that.
func (o *own) mayBind(e164 string) error {
	if o.needsHelpdesk() {
		return &Error{Kind: ErrHelpdeskNeeded, Sentence: "a first phone can only be bound with a code from the helpdesk"}
	}
	if o.bound() && o.session.Stage == store.StageIn {
		if err := o.freshInside(); err != nil {
			return err
		}
	}
	same, err := o.binds(e164)
	if err != nil {
		return err
	}
	if same && o.session.Stage != store.StageRebind {
		return &Error{Kind: ErrSameNumber, Sentence: "this number is bound already"}
	}
	expected, err := o.ExpectedPhone(o.account.ID)
	switch {
	case err == nil && expected.Number != e164:
		return &Error{Kind: ErrNumberExpected, Sentence: "another number is expected for this account", Hint: "ask the helpdesk"}
	case err != nil && !errors.Is(err, store.ErrNoExpectedPhone):
		return err
	}
	if same { // it is one of the number's accounts
		return nil
	}
	n, err := o.NumberAccounts(e164)
	if err != nil {
		return err
	}
	if n >= o.s.Config().TwoStep.AccountsPerNumber {
		return &Error{Kind: ErrNumberTaken, Sentence: "this number is bound to too many accounts"}
	}
	return nil
}

// nameNumber counts the numbers that an account names in a day. It reports
// whether this one is new.
func (o *own) nameNumber(e164 string) (bool, error) {
	state, err := o.codeState()
	if err != nil {
		return false, err
	}
	begin, end := o.s.day(o.now)
	if !state.Day.Equal(begin) {
		state.Day, state.Numbers = begin, nil
	}
	tag := o.s.Keys.NumberTag(e164)
	if slices.Contains(state.Numbers, tag) {
		return false, nil
	}
	if len(state.Numbers) >= o.s.Config().TwoStep.NewNumbersPerDay {
		return false, &Error{Kind: ErrTooManyNumbers, Sentence: "too many different numbers were tried today", Until: end}
	}
	state.Numbers = append(state.Numbers, tag)
	return true, o.PutCodeState(o.account.ID, state)
}

// refuseNumber counts a number that is refused for what is known of it, as one
// that is named: else who has only a main password could try numbers until one is
// not refused, and so learn whose it is or where it is bound.
func (o *own) refuseNumber(c store.Challenge, refusal error) error {
	if !errors.Is(refusal, ErrNumberExpected) && !errors.Is(refusal, ErrNumberTaken) {
		return refusal
	}
	if _, err := o.nameNumber(c.Number); err != nil {
		return err
	}
	o.made, o.refusal = true, refusal
	return nil
}

// unnameNumber takes back what nameNumber counted.
func (o *own) unnameNumber(e164 string) error {
	state, err := o.codeState()
	if err != nil {
		return err
	}
	tag := o.s.Keys.NumberTag(e164)
	state.Numbers = slices.DeleteFunc(state.Numbers, func(t [16]byte) bool { return t == tag })
	if len(state.Numbers) == 0 {
		state.Day = time.Time{}
	}
	return o.PutCodeState(o.account.ID, state)
}

// day is the day of a moment where people here live.
func (s *Service) day(now time.Time) (begin, end time.Time) {
	zone := s.Config().TwoStep.Zone()
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}
