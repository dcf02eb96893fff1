package daemon

import (
	"errors"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

func (s *settling) phone(a, now *store.Account) error {
	if now.Bound.IsZero() {
		if !a.Bound.IsZero() {
			s.lose(LostUnbound, "")
		}
		return nil
	}
	before, err := s.Phone(a.ID)
	if err != nil && !errors.Is(err, store.ErrNoPhone) {
		return err
	}
	same := !a.Bound.IsZero() && err == nil && (s.known.phone == nil || *s.known.phone == before)
	if same {
		return nil
	}
	if s.known.phone != nil { // else it is bound, and nobody knows to which number
		if err := s.PutPhone(a.ID, *s.known.phone); err != nil {
			return err
		}
	}
	if a.Bound.IsZero() {
		a.Bound = now.Bound
	}
	detail := ""
	if s.known.phone != nil {
		detail = store.MaskNumber(s.known.phone.Number)
	}
	return s.closed(KeptPhone, "", store.EventPhoneBound, detail)
}

// appPasswords puts headstones where they are at present.
func (s *settling) appPasswords(a, now *store.Account) error {
	at := func(rows []store.AppPasswordRow, id store.AppPasswordID) int {
		return slices.IndexFunc(rows, func(r store.AppPasswordRow) bool { return r.ID == id })
	}
	for _, row := range slices.Clone(a.AppPasswords) {
		if row.State != store.Live {
			continue
		}
		state := store.Revoked // its headstone fell away: it ended long ago
		if i := at(now.AppPasswords, row.ID); i >= 0 {
			state = now.AppPasswords[i].State
		}
		if state == store.Live {
			continue
		}
		if err := s.bury(a, row, state); err != nil {
			return err
		}
	}
	for _, row := range now.AppPasswords {
		if row.State == store.Live && at(s.account.AppPasswords, row.ID) < 0 {
			s.lose(LostAppPassword, row.ID.String())
		}
	}
	return nil
}

// bury makes a row a headstone behind all others, with the description that the
// present database has.
func (s *settling) bury(a *store.Account, row store.AppPasswordRow, state store.AppPasswordState) error {
	i := slices.IndexFunc(a.AppPasswords, func(r store.AppPasswordRow) bool { return r.ID == row.ID })
	row.State = state
	a.AppPasswords = append(slices.Delete(a.AppPasswords, i, i+1), row)
	p, described := s.known.apps[row.ID]
	if !described {
		var err error
		if p, err = s.AppPassword(a.ID, row.ID); err != nil && !errors.Is(err, store.ErrNoAppPassword) {
			return err
		}
		p.ID, p.Scopes, p.Expires, p.Ended = row.ID, row.Scopes, row.Expires, s.r.Now.Truncate(time.Second)
	}
	p.State = state
	if err := s.PutAppPassword(a.ID, p); err != nil {
		return err
	}
	kind := store.EventAppPasswordRevoked
	if state == store.Expired {
		kind = store.EventAppPasswordExpired
	}
	return s.closed(KeptAppPassword, row.ID.String(), kind, p.Name)
}

func (s *settling) exception(a, now *store.Account) error {
	switch {
	case now.ExemptUntil.After(a.ExemptUntil):
		s.lose(LostException, "")
		return nil
	case now.ExemptUntil.Equal(a.ExemptUntil):
		return nil
	}
	a.ExemptUntil = now.ExemptUntil
	var err error
	switch {
	case now.ExemptUntil.IsZero():
		err = s.DeleteException(a.ID)
	case s.known.except != nil:
		err = s.PutException(a.ID, *s.known.except)
	default: // its reason cannot be read: the backup's
		before, errBefore := s.Exception(a.ID)
		before.Until = now.ExemptUntil
		err = errors.Join(errBefore, s.PutException(a.ID, before))
	}
	return errors.Join(err, s.closed(KeptException, "", store.EventExceptionEnded, ""))
}

func (s *settling) expected(a, now *store.Account) error {
	before, err := s.ExpectedPhone(a.ID)
	none := errors.Is(err, store.ErrNoExpectedPhone)
	switch {
	case err != nil && !none:
		return err
	case s.known.expected == nil && !now.Bound.IsZero():
		return s.DeleteExpectedPhone(a.ID) // the binding used it up
	case s.known.expected == nil || !none && before.Number == s.known.expected.Number:
		return nil
	}
	return errors.Join(s.PutExpectedPhone(a.ID, *s.known.expected),
		s.closed(KeptExpected, "", store.EventPhoneExpected, store.MaskNumber(s.known.expected.Number)))
}

// recovery leaves the recovery codes as they are at present: those of the backup
// were used since, or were made void by new ones. Where the present ones cannot be
// read those of the backup go, too: who knows which were used.
func (s *settling) recovery(a, _ *store.Account) error {
	before, err := s.RecoveryCodes(a.ID)
	none := errors.Is(err, store.ErrNoRecoveryCodes)
	switch {
	case err != nil && !none:
		return err
	case s.known.codes == nil && none:
		return nil
	case s.known.codes == nil:
		return errors.Join(s.DeleteRecoveryCodes(a.ID), s.closed(KeptRecoveryCodes, "", "", ""))
	case !none && sameCodes(before, *s.known.codes):
		return nil
	}
	return errors.Join(s.PutRecoveryCodes(a.ID, *s.known.codes), s.closed(KeptRecoveryCodes, "", "", ""))
}

func sameCodes(a, b store.RecoveryCodes) bool {
	return a.Made.Equal(b.Made) && slices.EqualFunc(a.Codes, b.Codes, func(x, y store.RecoveryCode) bool {
		return x.Tag == y.Tag && x.Used.Equal(y.Used)
	})
}

// smsCodes keeps closed what wrong codes have closed.
func (s *settling) smsCodes(a, _ *store.Account) error {
	before, err := s.CodeState(a.ID)
	if err != nil {
		return err
	}
	now := s.known.state
	if now.Wrong <= before.Wrong && !now.ClosedUntil.After(before.ClosedUntil) {
		return nil
	}
	if err := s.PutCodeState(a.ID, now); err != nil || !now.ClosedUntil.After(s.r.Now) {
		return err
	}
	return s.closed(KeptCodesClosed, "", store.EventCodeClosed, "")
}

// aliases takes away what was taken away since: mail for it may go to somebody else
// by now.
func (s *settling) aliases() error {
	for _, name := range s.known.taken {
		if err := errors.Join(s.DeleteAlias(s.account.ID, name), s.note(store.EventAliasRemoved, "", name+", again, at the restore")); err != nil {
			return err
		}
		s.again = append(s.again, RestoredThing{KeptAliasGone, s.account.Address, name})
	}
	for _, name := range s.known.added {
		s.lose(LostAlias, name)
	}
	return nil
}

// userdb only tells: the backup's fields go with the backup.
func (s *settling) userdb(a, _ *store.Account) error {
	if s.known.userdb == nil {
		return nil
	}
	if before, err := s.Userdb(a); err != nil || !slices.Equal(before, *s.known.userdb) {
		s.lose(LostUserdb, "")
	}
	return nil
}
