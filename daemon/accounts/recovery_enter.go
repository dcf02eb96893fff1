package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// maxRecoveryTries is how many wrong recovery and helpdesk codes a session may
// give, and how many are taken in all while one helpdesk code works.
const maxRecoveryTries = 5

// EnterRecovery takes a recovery code or the helpdesk's, instead of the SMS code.
// Where a phone is bound, the session may then bind a new number, or the same
// again, and nothing else, although it was in before; where none is, the helpdesk's
// code lets a first one be bound. Each code works once; the fifth wrong one ends the
// session.
func (s *Service) EnterRecovery(ctx context.Context, in Session, code string, b Browser) (Entered, error) {
	token, err := secret.NewToken(s.Rand)
	if err != nil {
		return Entered{}, fmt.Errorf("accounts: %w", err)
	}
	typed, shaped := secret.FoldRecoveryCode(code)
	var entered Entered
	err = s.own(ctx, in, func(o *own) error {
		entered = Entered{}
		if err := o.mayRecover(); err != nil {
			return err
		}
		if !shaped { // nothing was compared
			o.refusal = wrongRecovery(o.session.Tries)
			return nil
		}
		found, err := o.useRecoveryCode(typed, b)
		if err != nil {
			return err
		}
		if !found {
			if found, err = o.useHelpdeskCode(typed, b); err != nil || !found {
				return err // the refusal is noted
			}
			o.session.Helpdesk = true
		}
		if o.bound() { // also of who was in: such a code is no second step for anything else
			o.session.Stage, o.session.Stepped = store.StageRebind, time.Time{}
		}
		entered, err = o.enter(token)
		return err
	})
	if err != nil {
		return Entered{}, err
	}
	return entered, nil
}

// mayRecover wants a session for which such a code opens something.
func (o *own) mayRecover() error {
	if o.bound() && o.session.Stage != store.StageRebind || !o.bound() && !o.session.Helpdesk {
		return nil
	}
	return wrongStage()
}

// useRecoveryCode uses up one of the account's recovery codes. All are compared,
// whether or not one matched.
func (o *own) useRecoveryCode(typed secret.RecoveryCode, b Browser) (bool, error) {
	codes, err := o.RecoveryCodes(o.account.ID)
	if errors.Is(err, store.ErrNoRecoveryCodes) || errors.Is(err, store.ErrDamaged) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	tag, at := o.s.Keys.RecoveryTag(o.account.ID, typed), -1
	for i, one := range codes.Codes {
		if sameTag(one.Tag, tag) && one.Used.IsZero() {
			at = i
		}
	}
	if at < 0 || !o.bound() {
		return false, nil
	}
	codes.Codes[at].Used = o.now
	if err := o.PutRecoveryCodes(o.account.ID, codes); err != nil {
		return false, err
	}
	detail := fmt.Sprintf("%d left", left(codes))
	return true, o.login(store.Accepted, store.ReasonRecoveryCode, mechanismRecovery, detail, b)
}

// useHelpdeskCode uses up the helpdesk's code, or counts what was typed as wrong.
func (o *own) useHelpdeskCode(typed secret.RecoveryCode, b Browser) (bool, error) {
	code, err := o.HelpdeskCode(o.account.ID)
	if errors.Is(err, store.ErrNoHelpdeskCode) || errors.Is(err, store.ErrDamaged) {
		return false, o.wrongRecovery(mechanismRecovery, store.ReasonWrongCode, b)
	} else if err != nil {
		return false, err
	}
	same := sameTag(code.Tag, o.s.Keys.HelpdeskTag(o.account.ID, typed))
	if !o.now.Before(code.Until) {
		reason := store.ReasonWrongCode
		if same {
			reason = store.ReasonCodeExpired
		}
		return false, errors.Join(o.DeleteHelpdeskCode(o.account.ID), o.wrongRecovery(mechanismHelpdesk, reason, b))
	}
	if same {
		if err := o.DeleteHelpdeskCode(o.account.ID); err != nil {
			return false, err
		}
		return true, o.login(store.Accepted, store.ReasonHelpdeskCode, mechanismHelpdesk, "made by "+string(code.By), b)
	}
	if code.Tries++; code.Tries >= maxRecoveryTries {
		err = o.DeleteHelpdeskCode(o.account.ID)
	} else {
		err = o.PutHelpdeskCode(o.account.ID, code)
	}
	return false, errors.Join(err, o.wrongRecovery(mechanismHelpdesk, store.ReasonWrongCode, b))
}

// wrongRecovery counts a wrong code; after the last one the session has ended.
func (o *own) wrongRecovery(mechanism string, reason store.Reason, b Browser) error {
	o.session.Tries++
	o.refusal = wrongRecovery(o.session.Tries)
	if err := o.login(store.Rejected, reason, mechanism, "", b); err != nil {
		return err
	}
	if o.session.Tries < maxRecoveryTries {
		return o.PutSession(o.session)
	}
	if err := o.DeleteSession(o.account.ID, o.session.ID); err != nil {
		return err
	}
	return o.event(store.EventSessionEnded, "", "too many wrong recovery codes")
}

func wrongRecovery(tries uint8) *Error {
	return &Error{Kind: ErrWrongRecovery, Sentence: "this is no recovery code, or it was used already",
		TriesLeft: max(0, maxRecoveryTries-int(tries))}
}

// left counts the codes that still work.
func left(codes store.RecoveryCodes) int {
	n := 0
	for _, one := range codes.Codes {
		if one.Used.IsZero() {
			n++
		}
	}
	return n
}
