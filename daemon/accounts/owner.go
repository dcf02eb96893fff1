package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// owner acts in sessions of the portal.
const owner = store.Actor("owner")

// own is a change that an owner makes in a session, inside its transaction.
type own struct {
	change
	s       *Service
	session store.Session

	// refusal is told although the transaction commits: what was tried is
	// written down.
	refusal error
}

// own runs fn in one transaction with a session, as it is by then, and its
// account. fn may run more than once.
func (s *Service) own(ctx context.Context, in Session, fn func(o *own) error) error {
	now := s.Now().UTC()
	var o *own
	err := s.Store.Update(ctx, func(w *store.Writer) error {
		record, account, err := s.live(&w.Reader, in.Account, in.ID, in.tag, now)
		if err != nil {
			return err
		}
		o = &own{change: change{Writer: w, account: account, actor: owner, now: now}, s: s, session: record}
		if err := fn(o); err != nil {
			return err
		}
		return o.write()
	})
	if err != nil {
		return explain(err)
	}
	s.cutMail(&o.change)
	return o.refusal
}

// look runs fn on a snapshot with a session, as it is by then, and its account.
func (s *Service) look(ctx context.Context, in Session, fn func(r *store.Reader, o *own) error) error {
	now := s.Now().UTC()
	return explain(s.Store.View(ctx, func(r *store.Reader) error {
		record, account, err := s.live(r, in.Account, in.ID, in.tag, now)
		if err != nil {
			return err
		}
		return fn(r, &own{change: change{account: account, actor: owner, now: now}, s: s, session: record})
	}))
}

// live reads a session and its account, unless the session ended, is idle or too
// old, or has another token by now.
func (s *Service) live(r *store.Reader, id store.AccountID, session store.SessionID, tag [16]byte, now time.Time) (store.Session, *store.Account, error) {
	record, err := r.Session(id, session)
	switch {
	case errors.Is(err, store.ErrNoSession), errors.Is(err, store.ErrDamaged): // signing in mends it
		return record, nil, signedOut(err)
	case err != nil:
		return record, nil, err
	case !sameTag(record.Tag, tag) || s.over(record, now):
		return record, nil, signedOut(nil)
	}
	account, err := r.Account(record.Address)
	switch {
	case errors.Is(err, store.ErrNoAccount):
		return record, nil, signedOut(err)
	case err != nil:
		return record, nil, err
	case account.ID != id || account.Disabled:
		return record, nil, signedOut(nil)
	}
	return record, account, nil
}

// over tells whether a session ended by itself.
func (s *Service) over(record store.Session, now time.Time) bool {
	portal := s.Config().Portal
	return !now.Before(record.Seen.Add(time.Duration(portal.SessionIdle))) || !now.Before(s.sessionEnd(record))
}

// sessionEnd is when a session ends for its age.
func (s *Service) sessionEnd(record store.Session) time.Time {
	return record.Made.Add(time.Duration(s.Config().Portal.SessionMax))
}

func signedOut(cause error) *Error {
	return &Error{Kind: ErrSignedOut, Sentence: "this session has ended", Hint: "sign in again", Cause: cause}
}

func wrongStage() *Error {
	return &Error{Kind: ErrStage, Sentence: "this is not possible at this stage of signing in"}
}

// bound tells whether the account has a phone.
func (o *own) bound() bool { return !o.account.Bound.IsZero() }

// required tells whether the account must have a phone: there is a rule, and no
// exception from it.
func (o *own) required() bool {
	return o.s.enforced(o.account, o.now) && !o.account.ExemptUntil.After(o.now)
}

// inside wants a session that has passed all steps. Where a phone is required
// and none is bound, binding one comes first.
func (o *own) inside() error {
	if o.session.Stage != store.StageIn || !o.bound() && o.required() {
		return wrongStage()
	}
	return nil
}

// stepped tells whether the second step was passed a moment ago. Who has none,
// has nothing to pass.
func (o *own) stepped() bool {
	return !o.bound() || o.now.Before(o.session.Stepped.Add(time.Duration(o.s.Config().Portal.StepUp)))
}

// freshInside is inside, and the second step passed a moment ago.
func (o *own) freshInside() error {
	if err := o.inside(); err != nil {
		return err
	}
	if !o.stepped() {
		return &Error{Kind: ErrStepUp, Sentence: "the second step has to be passed again first"}
	}
	return nil
}

// needsHelpdesk tells whether a helpdesk code has to be given before a first
// phone is bound.
func (o *own) needsHelpdesk() bool {
	return !o.bound() && !o.session.Helpdesk && o.s.Config().TwoStep.BindClosed(o.now)
}

// describe is the session for its owner.
func (o *own) describe(r *store.Reader) (Session, error) {
	described := Session{Session: o.session, Bound: o.bound(), Required: !o.bound() && o.required(), MustKeep: o.bound() && o.required(),
		HelpdeskNeeded: o.needsHelpdesk(), Fresh: o.stepped(), tag: o.session.Tag}
	described.Tag = [16]byte{}
	if !o.bound() {
		return described, nil
	}
	p, err := r.Phone(o.account.ID)
	if err != nil && !errors.Is(err, store.ErrNoPhone) && !errors.Is(err, store.ErrDamaged) {
		return Session{}, err
	}
	described.Phone = store.MaskNumber(p.Number)
	return described, nil
}

// enter gives the session a new token and is where it stands then.
func (o *own) enter(token secret.Token) (Entered, error) {
	if err := o.makeRoom(); err != nil {
		return Entered{}, err
	}
	o.made = true
	o.session.Tag, o.session.Seen = o.s.Keys.SessionTag(o.account.ID, token), o.now
	if err := o.PutSession(o.session); err != nil {
		return Entered{}, err
	}
	described, err := o.describe(&o.Reader)
	cookie := Cookie{Value: sessionCookie(o.account.ID, o.session.ID, token), Until: o.s.sessionEnd(o.session)}
	return Entered{Session: described, Cookie: cookie}, err
}

// login notes how a second step went.
func (o *own) login(outcome store.Outcome, reason store.Reason, mechanism, detail string, b Browser) error {
	o.made = true
	return o.PutEvent(store.Event{
		Time: o.now, Last: o.now, Count: 1, Kind: store.EventLogin, Outcome: outcome, Reason: reason,
		AccountID: o.account.ID, Address: o.account.Address, Service: store.ServicePortal, Mechanism: mechanism,
		Session: o.session.ID.String(), ClientID: b.UserAgent, Addr: b.Addr, Network: b.Network,
		Secured: o.s.Config().Portal.Secure(), Detail: detail,
	})
}

// The second steps, as mechanisms of logins.
const (
	mechanismSMS      = "SMS-CODE"
	mechanismRecovery = "RECOVERY-CODE"
	mechanismHelpdesk = "HELPDESK-CODE"
	mechanismTrusted  = "TRUSTED-DEVICE"
)
