package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Challenge is a code that is waited for, as its page shows it.
type Challenge struct {
	Purpose      store.Purpose
	Phone        string // masked
	Expires      time.Time
	ResendAt     time.Time
	SendingsLeft int
	TriesLeft    int
}

// Challenge is the code that a session waits for. ErrNoCode: none, or not any
// more.
func (s *Service) Challenge(ctx context.Context, in Session, p store.Purpose) (Challenge, error) {
	var shown Challenge
	err := s.look(ctx, in, func(r *store.Reader, o *own) error {
		if err := o.mayHave(p); err != nil {
			return err
		}
		c, err := o.challenge(r, p)
		if err != nil {
			return err
		}
		if !o.takes(c) {
			return noCode(nil)
		}
		shown = s.shown(c)
		return nil
	})
	return shown, err
}

// shown is a challenge for its page.
func (s *Service) shown(c store.Challenge) Challenge {
	two := s.Config().TwoStep
	return Challenge{Purpose: c.Purpose, Phone: store.MaskNumber(c.Number), Expires: s.codeEnd(c),
		ResendAt:     c.Last.Add(time.Duration(two.ResendAfter)),
		SendingsLeft: max(0, two.CodeSendings-int(c.Sendings)), TriesLeft: max(0, two.CodeTries-int(c.Tries))}
}

// codeEnd is when a code works no longer: sending it again gives back no time.
func (s *Service) codeEnd(c store.Challenge) time.Time {
	return c.First.Add(time.Duration(s.Config().TwoStep.CodeLifetime))
}

// mayHave wants a session in which a code of this purpose makes sense.
func (o *own) mayHave(p store.Purpose) error {
	bound, stage := o.bound(), o.session.Stage
	switch {
	case p == store.PurposeSignIn && bound && stage == store.StageCode,
		p == store.PurposeBind && !bound && stage == store.StageIn,
		p == store.PurposeBind && bound && stage == store.StageRebind,
		(p == store.PurposeChange || p == store.PurposeConfirm) && bound && stage == store.StageIn:
		return nil
	case (p == store.PurposeChange || p == store.PurposeConfirm) && stage == store.StageIn:
		return notBound()
	default:
		return wrongStage()
	}
}

// challenge is the session's own of this purpose, whether or not its code still
// works. A damaged one is as good as none.
func (o *own) challenge(r *store.Reader, p store.Purpose) (store.Challenge, error) {
	c, err := r.Challenge(o.account.ID, o.session.ID, p)
	if errors.Is(err, store.ErrNoChallenge) || errors.Is(err, store.ErrDamaged) {
		return store.Challenge{}, noCode(err)
	}
	return c, err
}

// takes tells whether a challenge takes another try: there is time, and there
// are tries left.
func (o *own) takes(c store.Challenge) bool {
	return o.now.Before(o.s.codeEnd(c)) && int(c.Tries) < o.s.Config().TwoStep.CodeTries
}

// open wants that not too many codes in a row were wrong. Who gave a recovery or
// a helpdesk code goes on: it is what they are for.
func (o *own) open() error {
	if o.session.Stage == store.StageRebind || o.session.Helpdesk {
		return nil
	}
	state, err := o.codeState()
	if err != nil {
		return err
	}
	if o.now.Before(state.ClosedUntil) {
		return &Error{Kind: ErrCodeClosed, Sentence: "too many codes in a row were wrong, so none is taken for a while",
			Hint: "use a recovery code, or ask the helpdesk", Until: state.ClosedUntil}
	}
	return nil
}

// codeState is what is counted over all sessions; a damaged count begins anew.
func (c *change) codeState() (store.CodeState, error) {
	state, err := c.CodeState(c.account.ID)
	if errors.Is(err, store.ErrDamaged) {
		return store.CodeState{}, nil
	}
	return state, err
}

func noCode(cause error) error {
	return &Error{Kind: ErrNoCode, Sentence: "no code is waited for, or its time is over", Hint: "ask for a new one", Cause: cause}
}

func notBound() error {
	return &Error{Kind: ErrNotBound, Sentence: "no phone is bound to this account", Hint: "bind one first"}
}

// Entry is a code as it was typed.
type Entry struct {
	Purpose store.Purpose
	Code    string
	Trust   bool // this browser from now on, for a while
	Browser Browser
	Device  string // cookie of the browser as a device of this account, "" if it has none
}
