package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// recoveryCodes is how many are made together.
const recoveryCodes = 10

// MakeRecoveryCodes makes new recovery codes, each of which works once, and voids
// those before, also if these cannot be read. They are returned here and nowhere
// else. Before is when those that the owner knows of were made, as RecoveryState
// has it: if by now there are others, somebody may just be writing them down, and
// the error is ErrCodesMade.
func (s *Service) MakeRecoveryCodes(ctx context.Context, in Session, before time.Time) ([]secret.RecoveryCode, error) {
	codes := make([]secret.RecoveryCode, recoveryCodes)
	for i := range codes {
		var err error
		if codes[i], err = secret.NewRecoveryCode(s.Rand); err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
	}
	err := s.own(ctx, in, func(o *own) error {
		if err := o.freshInside(); err != nil {
			return err
		}
		if !o.bound() {
			return notBound()
		}
		old, err := o.RecoveryCodes(o.account.ID)
		if errors.Is(err, store.ErrNoRecoveryCodes) || errors.Is(err, store.ErrDamaged) {
			old = store.RecoveryCodes{}
		} else if err != nil {
			return err
		}
		if !old.Made.Equal(before) {
			return &Error{Kind: ErrCodesMade, Sentence: "other recovery codes were made meanwhile", Hint: "look at the page again"}
		}
		record := store.RecoveryCodes{Made: o.now.Truncate(time.Second)}
		if !record.Made.After(old.Made) { // what is told apart by it must differ in it
			record.Made = old.Made.Add(time.Second)
		}
		for _, code := range codes {
			record.Codes = append(record.Codes, store.RecoveryCode{Tag: s.Keys.RecoveryTag(o.account.ID, code)})
		}
		if err := o.PutRecoveryCodes(o.account.ID, record); err != nil {
			return err
		}
		return o.event(store.EventRecoveryCodesMade, "", "")
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RecoveryState says how many recovery codes an account has left.
type RecoveryState struct {
	Left, Of int
	Made     time.Time // zero: none were
	Damaged  bool      // they cannot be read, so that none works; new ones take their place
}

// RecoveryCodesLeft tells how many of the owner's recovery codes still work.
func (s *Service) RecoveryCodesLeft(ctx context.Context, in Session) (RecoveryState, error) {
	var state RecoveryState
	err := s.look(ctx, in, func(r *store.Reader, o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		codes, err := r.RecoveryCodes(o.account.ID)
		switch {
		case errors.Is(err, store.ErrNoRecoveryCodes):
			return nil
		case errors.Is(err, store.ErrDamaged):
			state.Damaged = true
			return nil
		}
		state = RecoveryState{Left: left(codes), Of: len(codes.Codes), Made: codes.Made}
		return err
	})
	return state, err
}
