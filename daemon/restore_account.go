package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// What comes back, and what stays as it is at present:
//
//	                      backup has  present has     after the restore
//	account               yes         deleted         deleted, or disabled if --undelete names it
//	                      no          yes             none: it is listed as lost
//	disabled              either      either          if either says so
//	main password         any         any             the present one
//	phone                 none        bound           the present one
//	                      bound       another number  the present one
//	                      bound       unbound         the backup's; recovery codes go
//	app password          live        ended, or gone  ended
//	                      no          yes             none: it is listed as lost
//	exception             until       sooner, or none as at present
//	                      none        until           none: it is listed as lost
//	expected phone        any         yes             the present one
//	                      yes         no              the backup's, unless a phone was bound
//	recovery codes        any         any             as at present
//	SMS codes closed      any         yes             as at present
//	sessions, trust, codes that are waited for        none
//
// Everything else comes from the backup, also what this file knows nothing of.
// What cannot be read at present comes from the backup, and is listed.

// restorePage is how many accounts one transaction takes.
const restorePage = 200

// carryOver makes of the backup, which st holds, what it is to be.
func (r *Restore) carryOver(ctx context.Context, st *store.Store, old *present) error {
	if err := r.findLost(ctx, st, old); err != nil {
		return err
	}
	after, done := "", 0
	for {
		var page []*store.Account
		err := st.View(ctx, func(rd *store.Reader) error {
			var err error
			page, err = rd.Accounts(after, restorePage)
			return err
		})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		now, err := r.lookUp(ctx, old, page)
		if err != nil {
			return err
		}
		if err := r.settlePage(ctx, st, page, now); err != nil {
			return err
		}
		after = page[len(page)-1].Address
		done += len(page)
		r.progress("closing again what was closed", int64(done), int64(r.done.Accounts))
	}
	return r.finish(ctx, st, old)
}

// findLost lists the accounts that were made after the backup.
func (r *Restore) findLost(ctx context.Context, st *store.Store, old *present) error {
	if old.store == nil {
		return nil
	}
	for after := ""; ; {
		var page []*store.Account
		err := old.store.View(ctx, func(rd *store.Reader) error {
			var err error
			page, err = rd.Accounts(after, restorePage)
			if errors.Is(err, store.ErrDamaged) {
				err = nil // those of the backup among them are found again
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			return nil // its pages are damaged: the present is not whole, and that is said
		}
		if err != nil || len(page) == 0 {
			return err
		}
		err = st.View(ctx, func(rd *store.Reader) error {
			for _, a := range page {
				b, err := rd.Account(a.Address)
				if errors.Is(err, store.ErrNoAccount) || err == nil && b.ID != a.ID {
					r.done.Lost.add(of(LostAccount, a))
				} else if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after = page[len(page)-1].Address
	}
}

// known is what the present database tells of one account of the backup.
type known struct {
	account  *store.Account // nil: there is none, or it is not known
	deleted  bool
	unknown  bool // something cannot be read
	phone    *store.Phone
	apps     map[store.AppPasswordID]store.AppPassword
	except   *store.Exception
	expected *store.ExpectedPhone
	codes    *store.RecoveryCodes
	state    store.CodeState
}

func (r *Restore) lookUp(ctx context.Context, old *present, page []*store.Account) ([]known, error) {
	list := make([]known, len(page))
	if old.store == nil {
		return list, nil
	}
	for i, b := range page {
		err := old.store.View(ctx, func(rd *store.Reader) error {
			list[i] = look(rd, b, old.whole)
			return nil
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			list[i] = known{unknown: true}
		}
	}
	return list, nil
}

// look reads all that decides about one account. What cannot be read is left out
// and makes the account an unknown one.
func look(rd *store.Reader, b *store.Account, whole bool) known {
	a, err := rd.Account(b.Address)
	if errors.Is(err, store.ErrNoAccount) || err == nil && a.ID != b.ID {
		return known{deleted: whole, unknown: !whole}
	} else if err != nil {
		return known{unknown: true}
	}
	k := known{account: a, apps: map[store.AppPasswordID]store.AppPassword{}}
	k.phone = takeRecord(&k, a.ID, rd.Phone, store.ErrNoPhone)
	k.except = takeRecord(&k, a.ID, rd.Exception, store.ErrNoException)
	k.expected = takeRecord(&k, a.ID, rd.ExpectedPhone, store.ErrNoExpectedPhone)
	k.codes = takeRecord(&k, a.ID, rd.RecoveryCodes, store.ErrNoRecoveryCodes)
	if state := takeRecord(&k, a.ID, rd.CodeState, nil); state != nil {
		k.state = *state
	}
	for _, row := range a.AppPasswords {
		if row.State == store.Live {
			continue
		}
		if p, err := rd.AppPassword(a.ID, row.ID); err == nil {
			k.apps[row.ID] = p
		} // else the row has the last word, and it says that it ended
	}
	return k
}

// takeRecord reads one record; nil: there is none (the error is none), or it cannot
// be read.
func takeRecord[T any](k *known, id store.AccountID, read func(store.AccountID) (T, error), none error) *T {
	record, err := read(id)
	if err == nil {
		return &record
	}
	if none == nil || !errors.Is(err, none) {
		k.unknown = true
	}
	return nil
}

// settlePage applies what is known to a page of accounts in one transaction.
func (r *Restore) settlePage(ctx context.Context, st *store.Store, page []*store.Account, now []known) error {
	var did []*settling
	err := st.Update(ctx, func(w *store.Writer) error {
		did = did[:0] // it may run again
		for i, b := range page {
			s := &settling{Writer: w, r: r, account: b, known: now[i]}
			if err := s.settle(); err != nil {
				return fmt.Errorf("daemon: restore: %w", err)
			}
			did = append(did, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range did {
		for _, t := range s.again {
			r.done.Again.add(t)
			if t.What == KeptUndeleted {
				r.undeleted = append(r.undeleted, t.Address)
			}
		}
		for _, t := range s.lost {
			r.done.Lost.add(t)
		}
		if s.known.unknown {
			r.done.Unknown.add(of(UnknownAccount, s.account))
		}
		r.done.Sessions += s.sessions
		r.done.Trusts += s.trusts
		r.done.Codes += s.codes
	}
	return nil
}

// settling is one account of the backup on its way.
type settling struct {
	*store.Writer
	r       *Restore
	account *store.Account
	known   known

	again, lost             []RestoredThing
	sessions, trusts, codes int
}

func (s *settling) settle() error {
	if err := s.endOld(); err != nil {
		return err
	}
	a := *s.account // the page stays as it was: the function may run again
	a.AppPasswords = slices.Clone(a.AppPasswords)
	now := s.known.account
	switch {
	case s.known.deleted && slices.Contains(s.r.Undelete, a.Address):
		a.Disabled = true
		if err := s.closed(KeptUndeleted, "", store.EventAccountDisabled, "it was deleted after the backup, and comes back by --undelete"); err != nil {
			return err
		}
	case s.known.deleted:
		if err := s.closed(KeptDeleted, "", store.EventAccountDeleted, ""); err != nil {
			return err
		}
		return s.DeleteAccount(s.account)
	case now == nil:
		return nil
	default:
		steps := []func(a, now *store.Account) error{s.state, s.password, s.phone, s.appPasswords, s.exception, s.expected, s.recovery, s.smsCodes}
		for _, step := range steps {
			if err := step(&a, now); err != nil {
				return err
			}
		}
	}
	return s.PutAccount(&a)
}

// endOld ends what may be old or stolen: sessions, trust, codes that are waited for.
func (s *settling) endOld() error {
	id := s.account.ID
	codes, err := s.EndChallenges(id)
	if err != nil {
		return err
	}
	sessions, err := s.EndSessions(id, store.SessionID{})
	if err != nil {
		return err
	}
	trusts, err := s.EndTrust(id)
	if err != nil {
		return err
	}
	if _, err := s.HelpdeskCode(id); !errors.Is(err, store.ErrNoHelpdeskCode) {
		codes++
	}
	s.sessions, s.trusts, s.codes = sessions, trusts, codes
	return s.DeleteHelpdeskCode(id)
}

// closed notes that a door stays closed; kind "" leaves no event.
func (s *settling) closed(what What, id string, kind store.EventKind, detail string) error {
	s.again = append(s.again, RestoredThing{what, s.account.Address, id})
	if kind == "" {
		return nil
	}
	if detail != "" {
		detail = ": " + detail
	}
	return s.PutEvent(store.Event{Time: s.r.Now, Kind: kind, AccountID: s.account.ID, Address: s.account.Address,
		Credential: id, Actor: s.r.Actor, Detail: "again, at the restore" + detail})
}

func (s *settling) lose(what What, id string) {
	s.lost = append(s.lost, RestoredThing{what, s.account.Address, id})
}

func (s *settling) state(a, now *store.Account) error {
	switch {
	case now.Disabled && !a.Disabled:
		a.Disabled = true
		return s.closed(KeptDisabled, "", store.EventAccountDisabled, "")
	case a.Disabled && !now.Disabled:
		s.lose(LostEnabled, "")
	}
	return nil
}

// password keeps the present one: an earlier one may have been changed because
// somebody knew it.
func (s *settling) password(a, now *store.Account) error {
	if a.MainHash == now.MainHash {
		return nil
	}
	a.MainHash = now.MainHash
	return s.closed(KeptPassword, "", store.EventPasswordSet, "")
}

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
	if now.ExemptUntil.IsZero() || s.known.except == nil {
		err = s.DeleteException(a.ID)
	} else {
		err = s.PutException(a.ID, *s.known.except)
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
// were used since, or were made void by new ones.
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

// finish does what is of no account: the day of enforcement, and the event.
func (r *Restore) finish(ctx context.Context, st *store.Store, old *present) error {
	var reached time.Time
	if old.store != nil {
		err := old.store.View(ctx, func(rd *store.Reader) error {
			var err error
			reached, err = rd.EnforcementReached()
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			reached = time.Time{} // the configuration's date counts all the same
		}
	}
	var again bool
	err := st.Update(ctx, func(w *store.Writer) error {
		before, err := w.EnforcementReached()
		if err != nil {
			return err
		}
		if again = before.IsZero() && !reached.IsZero(); again {
			if err := w.PutEnforcementReached(reached); err != nil {
				return err
			}
		}
		return w.PutEvent(store.Event{Time: r.Now, Kind: store.EventRestored, Actor: r.Actor,
			Detail: fmt.Sprintf("from a backup of %d accounts; the database before it: %s; %d things closed again, %d lost",
				r.done.Accounts, r.done.Present, r.done.Again.Total(), r.done.Lost.Total())})
	})
	if again {
		r.done.Again.add(RestoredThing{What: KeptEnforcement})
	}
	return err
}
