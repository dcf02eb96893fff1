package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// StartSession begins a session for a main password that was right a moment
// ago. Where a phone is bound the code comes next, unless the browser is trusted.
// The session that Old names ends. ErrSignedOut: the account is another by now.
func (s *Service) StartSession(ctx context.Context, in SignIn) (Entered, error) {
	id, err := store.NewSessionID(s.Rand)
	if err != nil {
		return Entered{}, fmt.Errorf("accounts: %w", err)
	}
	token, err := secret.NewToken(s.Rand)
	if err != nil {
		return Entered{}, fmt.Errorf("accounts: %w", err)
	}
	from, err := s.arrival(in.Device, in.Browser)
	if err != nil {
		return Entered{}, err
	}
	if err := s.endElsewhere(ctx, in); err != nil {
		return Entered{}, err
	}
	now := s.Now().UTC()
	var entered Entered
	err = s.Store.Update(ctx, func(w *store.Writer) error {
		account, err := w.Account(in.Address)
		if errors.Is(err, store.ErrNoAccount) {
			return signedOut(err)
		} else if err != nil {
			return err
		}
		if account.ID != in.Account || account.Disabled || !s.sameMain(account, in.Fingerprint) {
			return signedOut(nil)
		}
		o := &own{change: change{Writer: w, account: account, actor: owner, now: now}, s: s, session: store.Session{
			ID: id, Account: account.ID, Address: account.Address, Made: now, Addr: in.Browser.Addr}}
		if entered, err = o.start(in, from, token); err != nil {
			return err
		}
		return o.write()
	})
	if err != nil {
		return Entered{}, explain(err)
	}
	return entered, nil
}

// start finds out how far a new session has come.
func (o *own) start(in SignIn, from arrival, token secret.Token) (Entered, error) {
	if account, old, t, ok := parseSessionCookie(in.Old); ok && account == o.account.ID {
		if err := o.replace(old, t); err != nil {
			return Entered{}, err
		}
	}
	d, known, err := o.device(from)
	if err != nil {
		return Entered{}, err
	}
	if o.bound() && !(known && d.TrustedAt(o.now)) {
		o.session.Stage = store.StageCode
		if known {
			o.session.Device = d.ID
		}
		return o.enter(token)
	}
	if o.bound() {
		if err := o.login(store.Accepted, store.ReasonTrustedDevice, mechanismTrusted, d.ID.String(), in.Browser); err != nil {
			return Entered{}, err
		}
	}
	o.session.Stage = store.StageIn
	device, err := o.arrive(from, false)
	if err != nil {
		return Entered{}, err
	}
	entered, err := o.enter(token)
	entered.Device = device
	return entered, err
}

// replace ends the session whose place the new one takes, if the browser had its
// token.
func (o *own) replace(old store.SessionID, t secret.Token) error {
	record, err := o.Session(o.account.ID, old)
	switch {
	case errors.Is(err, store.ErrNoSession), errors.Is(err, store.ErrDamaged):
		return nil
	case err != nil:
		return err
	case !sameTag(record.Tag, o.s.Keys.SessionTag(o.account.ID, t)):
		return nil
	}
	if err := o.DeleteSession(o.account.ID, old); err != nil {
		return err
	}
	return o.event(store.EventSessionEnded, "", "replaced by another")
}

// endElsewhere ends the session that the browser had of another account. If that
// account is damaged the session opens nothing, and ends by itself: the browser's
// cookie is about to be another.
func (s *Service) endElsewhere(ctx context.Context, in SignIn) error {
	account, id, t, ok := parseSessionCookie(in.Old)
	if !ok || account == in.Account {
		return nil
	}
	old := Session{tag: s.Keys.SessionTag(account, t)}
	old.Account, old.ID = account, id
	err := s.SignOut(ctx, old)
	if errors.Is(err, ErrSignedOut) || errors.Is(err, ErrDamaged) {
		return nil
	}
	return err
}
