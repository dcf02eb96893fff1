package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
)

// sending is one code on its way, with all that has to be given back should it
// not leave.
type sending struct {
	before store.Challenge // zero: the challenge is new
	after  store.Challenge
	spent  []spending
	named  bool // the number is new today
	event  store.Event
}

// SendCode sends the code of a session's challenge to the phone that is bound,
// or, to bind one, to number. While a code works the same one is sent again, and
// number may be "": neither its time nor its tries begin anew, not even with
// another number, which gets another code. What sending costs is taken before and
// given back if it fails: ErrSendFailed.
func (s *Service) SendCode(ctx context.Context, in Session, p store.Purpose, number string, b Browser) (Challenge, error) {
	id, err := store.NewChallengeID(s.Rand)
	if err != nil {
		return Challenge{}, fmt.Errorf("accounts: %w", err)
	}
	var out sending
	err = s.own(ctx, in, func(o *own) error {
		out = sending{}
		if err := o.maySend(p); err != nil {
			return err
		}
		if err := o.compose(&out, id, p, number); err != nil {
			return o.refuseNumber(out.after, err)
		}
		if classOf(p) == classBinding {
			if out.named, err = o.nameNumber(out.after.Number); err != nil {
				return err
			}
		}
		out.spent = s.spendings(o, p, out.after.Number, b)
		if err := o.spend(out.spent); err != nil {
			return err
		}
		return o.sent(&out, b)
	})
	if err != nil {
		return Challenge{}, err
	}
	// Whoever asked may hang up, but cannot take back what is on its way.
	going := context.WithoutCancel(ctx)
	if err := s.send(going, s.message(out.after, b.Language)); err != nil {
		sentence := &Error{Kind: ErrSendFailed, Sentence: "the text message could not be sent", Hint: "try again in a moment", Cause: err}
		return Challenge{}, errors.Join(sentence, s.giveBack(going, &out, sms.MayHaveLeft(err)))
	}
	return s.shown(out.after), nil
}

// maySend wants a session that may ask for a code of this purpose now.
func (o *own) maySend(p store.Purpose) error {
	if err := o.mayHave(p); err != nil {
		return err
	}
	if err := o.open(); err != nil {
		return err
	}
	if !o.s.CanSend() {
		return &Error{Kind: ErrNoSMS, Sentence: "sending text messages is not set up here", Hint: "ask the helpdesk"}
	}
	return nil
}

// compose finds out what is sent where: the code that works, again, or a new one.
func (o *own) compose(out *sending, id store.ChallengeID, p store.Purpose, number string) error {
	before, err := o.challenge(&o.Reader, p)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNoCode) {
		return err
	}
	two := o.s.Config().TwoStep
	if known && o.now.Before(o.s.codeEnd(before)) { // even if its tries are used up
		if at := before.Last.Add(time.Duration(two.ResendAfter)); o.now.Before(at) {
			return &Error{Kind: ErrTooSoon, Sentence: "a code was sent a moment ago", Until: at}
		}
	}
	out.after = store.Challenge{ID: id, Account: o.account.ID, Session: o.session.ID, Purpose: p, First: o.now}
	if known && o.takes(before) {
		if int(before.Sendings) >= two.CodeSendings {
			return &Error{Kind: ErrNoSendings, Sentence: "this code was sent as often as it can be",
				Hint: "enter it, or ask for a new one later", Until: o.s.codeEnd(before)}
		}
		out.before, out.after = before, before
	}
	out.after.Last = o.now
	out.after.Sendings++
	return o.address(out, id, number)
}

// address says where the code goes. A number that is corrected gets another code:
// who has the first must not be able to enter it for the second.
func (o *own) address(out *sending, id store.ChallengeID, number string) error {
	if classOf(out.after.Purpose) == classSignIn {
		to, err := o.boundNumber()
		out.after.Number = to
		return err
	}
	if number != "" || out.before.ID.IsZero() {
		to, err := o.s.allowedNumber(number)
		if err != nil {
			return err
		}
		if to != out.after.Number {
			out.after.ID, out.after.Number = id, to
		}
	}
	return o.mayBind(out.after.Number)
}

// sent writes what is about to be sent. Should it fail, giveBack writes the event
// again.
func (o *own) sent(out *sending, b Browser) error {
	id, err := o.s.Store.NewEventID(o.now)
	if err != nil {
		return err
	}
	out.event = store.Event{ID: id, Time: o.now, Last: o.now, Count: 1, Kind: store.EventCodeSent,
		AccountID: o.account.ID, Address: o.account.Address, Service: store.ServicePortal, Session: o.session.ID.String(),
		Addr: b.Addr, Network: b.Network, Actor: o.actor, Detail: out.after.String()}
	o.made = true
	return errors.Join(o.PutEvent(out.event), o.PutChallenge(out.after))
}

// CanSend tells whether there is anybody to send a text message.
func (s *Service) CanSend() bool { return s.Sender != nil && s.Sender() != nil }

func (s *Service) send(ctx context.Context, m sms.Message) error {
	if sender := s.Sender(); sender != nil {
		return sender.Send(ctx, m)
	}
	return errors.New("accounts: the sender of text messages has gone")
}

// message is the code on its way to a phone. It names the time that is left: a
// code that is sent again gets no new one.
func (s *Service) message(c store.Challenge, language string) sms.Message {
	left := s.codeEnd(c).Sub(c.Last) + time.Minute - 1
	return sms.Message{To: c.Number, Purpose: sms.Purpose(c.Purpose.String()), Language: language, Site: s.Config().Portal.Name,
		Code: s.Keys.Code(c.ID), Minutes: max(1, int(left/time.Minute))}
}
