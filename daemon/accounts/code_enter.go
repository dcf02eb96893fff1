package accounts

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// EnterCode takes a code and does what it was asked for, in one transaction with
// the count of tries: however many come at once, no more are compared than are
// allowed. Signing in leads in; binding and changing bind the number that the
// code went to; confirming passes the second step again.
func (s *Service) EnterCode(ctx context.Context, in Session, e Entry) (Entered, error) {
	token, err := secret.NewToken(s.Rand)
	if err != nil {
		return Entered{}, fmt.Errorf("accounts: %w", err)
	}
	from, err := s.arrival(e.Device, e.Browser)
	if err != nil {
		return Entered{}, err
	}
	var entered Entered
	err = s.own(ctx, in, func(o *own) error {
		entered = Entered{}
		c, err := o.mayEnter(e)
		if err != nil || o.refusal != nil {
			return err
		}
		code, shaped := foldCode(e.Code)
		right := s.Keys.Code(c.ID)
		switch {
		case !shaped: // nothing was compared
			o.refusal = s.wrongCode(c)
			return nil
		case subtle.ConstantTimeCompare(code[:], right[:]) != 1:
			return o.wrong(c, e.Browser)
		}
		entered, err = o.right(c, e, from, token)
		return err
	})
	if err != nil {
		return Entered{}, err
	}
	return entered, nil
}

// mayEnter is the challenge that a code is entered for. With a refusal it is
// none.
func (o *own) mayEnter(e Entry) (store.Challenge, error) {
	if err := o.mayHave(e.Purpose); err != nil {
		return store.Challenge{}, err
	}
	c, err := o.challenge(&o.Reader, e.Purpose)
	if err != nil {
		return c, err
	}
	switch err := o.open(); {
	case errors.Is(err, ErrCodeClosed):
		return c, o.refuse(c, err, store.ReasonCodeClosed, e.Browser)
	case err != nil:
		return c, err
	}
	if !o.now.Before(o.s.codeEnd(c)) {
		return c, o.refuse(c, noCode(nil), store.ReasonCodeExpired, e.Browser)
	}
	if !o.takes(c) {
		return c, noCode(nil)
	}
	if classOf(c.Purpose) == classBinding {
		return c, o.mayBind(c.Number)
	}
	to, err := o.boundNumber()
	if err == nil && to != c.Number {
		err = noCode(nil)
	}
	return c, err
}

// refuse takes the challenge away, which no code opens any more: so each leaves
// one event of it at most.
func (o *own) refuse(c store.Challenge, told error, reason store.Reason, b Browser) error {
	o.refusal = told
	if err := o.login(store.Rejected, reason, mechanismSMS, c.Purpose.String(), b); err != nil {
		return err
	}
	return o.DeleteChallenge(c.Account, c.Session, c.Purpose)
}

// wrong counts a wrong code: on the challenge, and in the row of the account,
// which may close the SMS step.
func (o *own) wrong(c store.Challenge, b Browser) error {
	c.Tries++
	o.refusal = o.s.wrongCode(c)
	if err := o.PutChallenge(c); err != nil {
		return err
	}
	if err := o.login(store.Rejected, store.ReasonWrongCode, mechanismSMS, c.Purpose.String(), b); err != nil {
		return err
	}
	state, err := o.codeState()
	if err != nil {
		return err
	}
	two := o.s.Config().TwoStep
	state.Wrong++
	if int(state.Wrong) >= two.WrongInARow {
		state.Wrong, state.ClosedUntil = 0, o.now.Add(time.Duration(two.ClosedFor))
		detail := fmt.Sprintf("%d wrong in a row, until %s", two.WrongInARow, state.ClosedUntil.Format(time.RFC3339))
		if err := o.event(store.EventCodeClosed, "", detail); err != nil {
			return err
		}
	}
	return o.PutCodeState(o.account.ID, state)
}

func (s *Service) wrongCode(c store.Challenge) *Error {
	return &Error{Kind: ErrWrongCode, Sentence: "this is not the code", TriesLeft: max(0, s.Config().TwoStep.CodeTries-int(c.Tries))}
}

// right does what the code was asked for.
func (o *own) right(c store.Challenge, e Entry, from arrival, token secret.Token) (Entered, error) {
	if err := o.login(store.Accepted, store.ReasonCode, mechanismSMS, c.Purpose.String(), e.Browser); err != nil {
		return Entered{}, err
	}
	if err := o.DeleteChallenge(c.Account, c.Session, c.Purpose); err != nil {
		return Entered{}, err
	}
	if err := o.openCodes(); err != nil {
		return Entered{}, err
	}
	var binding *Binding
	if classOf(c.Purpose) == classBinding {
		var err error
		if binding, err = o.bindOwn(c.Number); err != nil {
			return Entered{}, err
		}
	}
	var device *Cookie
	if e.Trust || o.session.Stage != store.StageIn {
		var err error
		if device, err = o.arrive(from, e.Trust); err != nil {
			return Entered{}, err
		}
	}
	o.session.Stage, o.session.Stepped, o.session.Helpdesk = store.StageIn, o.now, false
	entered, err := o.enter(token)
	entered.Device, entered.Binding = device, binding
	return entered, err
}

// openCodes ends the row of wrong codes, and that none is taken if it was too long.
// Only who has passed the step, the helpdesk and administrators come to it: a
// stranger who goes on guessing gets one row of tries for each such act.
func (c *change) openCodes() error {
	state, err := c.codeState()
	if err != nil || state.Wrong == 0 && state.ClosedUntil.IsZero() {
		return err
	}
	state.Wrong, state.ClosedUntil = 0, time.Time{}
	return c.PutCodeState(c.account.ID, state)
}

// foldCode brings what a person typed or pasted to six digits: blanks and dashes
// are dropped, full-width digits are digits.
func foldCode(typed string) (code [6]byte, ok bool) {
	if len(typed) > maxNumber {
		return code, false
	}
	n := 0
	for _, r := range typed {
		switch {
		case '０' <= r && r <= '９':
			r += '0' - '０'
		case r == ' ', r == '\t', r == '\u00a0', r == '\u3000', r == '-':
			continue
		}
		if r < '0' || r > '9' || n == len(code) {
			return code, false
		}
		code[n] = byte(r)
		n++
	}
	return code, n == len(code)
}
