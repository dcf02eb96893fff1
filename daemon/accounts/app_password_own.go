package accounts

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/store"
)

// OwnAppPasswords are the owner's app passwords and their headstones, in the
// order of store.Account; their last uses are as of the last Refresh.
func (s *Service) OwnAppPasswords(ctx context.Context, in Session) ([]AppPassword, error) {
	var all []AppPassword
	err := s.look(ctx, in, func(r *store.Reader, o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		uses, err := r.LastUses(o.account.ID)
		if err != nil && !errors.Is(err, store.ErrDamaged) {
			return err
		}
		all, err = appPasswords(r, o.account, uses, o.now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// MakeAppPassword makes an app password for the owner, whose account has a phone
// bound: who stole a main password cannot plant one first. Its letters are
// returned here and nowhere else.
func (s *Service) MakeAppPassword(ctx context.Context, in Session, spec NewAppPassword) (AppPassword, [16]byte, error) {
	spec.ByAdmin = false
	made, letters, err := s.newAppPassword(&spec)
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	scram, err := s.deriveSCRAM(ctx, in.Address, letters)
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	err = s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		if !o.bound() {
			return notBound()
		}
		if err := o.freshInside(); err != nil {
			return err
		}
		return s.addAppPassword(&o.change, &made, letters, scram)
	})
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	return AppPassword{AppPassword: made}, letters, nil
}

// RevokeOwn ends one of the owner's app passwords.
func (s *Service) RevokeOwn(ctx context.Context, in Session, id store.AppPasswordID) error {
	return s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		_, err := o.revoke(id)
		return err
	})
}

// RevokeAllOwn ends all of the owner's live app passwords, and tells which those
// were.
func (s *Service) RevokeAllOwn(ctx context.Context, in Session) ([]store.AppPasswordID, error) {
	var ended []store.AppPasswordID
	err := s.own(ctx, in, func(o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		var err error
		ended, err = o.endAllAppPasswords()
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
