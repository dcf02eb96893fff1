package daemon

import (
	"errors"
	"slices"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// What comes back, and what stays as it is at present:
//
//	                      backup has  present has     after the restore
//	account               yes         deleted         deleted, or disabled if --undelete names it
//	                      yes         not known       the backup's, or disabled if --undelete names it
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
//	alias                 yes         gone, another's gone
//	                      no          yes             none: it is listed as lost
//	own userdb fields     any         others          the backup's; listed as lost
//	recovery codes        any         any             as at present; gone if they cannot be read
//	SMS codes closed      any         yes             as at present
//	sessions, trust, codes that are waited for        none
//
// Everything else comes from the backup, also what the steps of settle know nothing
// of; those for the records below an account are in restore_record.go. What cannot
// be read at present comes from the backup, and is listed.

// settling is one account of the backup on its way.
type settling struct {
	*store.Writer
	r       *Restore
	account *store.Account
	known   known

	again, lost             []RestoredThing
	sessions, trusts, codes int
	rehashed                bool
}

func (s *settling) settle() error {
	if err := s.endOld(); err != nil {
		return err
	}
	a := *s.account // the page stays as it was: the function may run again
	a.AppPasswords = slices.Clone(a.AppPasswords)
	now := s.known.account
	switch {
	case now == nil && slices.Contains(s.r.Undelete, a.Address):
		a.Disabled = true
		if err := s.closed(KeptUndeleted, "", store.EventAccountDisabled, "it comes back by --undelete"); err != nil {
			return err
		}
	case s.known.deleted:
		if err := s.closed(KeptDeleted, "", store.EventAccountDeleted, ""); err != nil {
			return err
		}
		return s.DeleteAccount(s.account)
	case now != nil:
		steps := []func(a, now *store.Account) error{s.state, s.password, s.phone, s.appPasswords, s.exception, s.expected, s.recovery, s.smsCodes, s.userdb}
		for _, step := range steps {
			if err := step(&a, now); err != nil {
				return err
			}
		}
	}
	return errors.Join(s.aliases(), s.PutAccount(&a))
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
	return s.note(kind, id, "again, at the restore"+detail)
}

// note leaves an event of the account.
func (s *settling) note(kind store.EventKind, credential, detail string) error {
	return s.PutEvent(store.Event{Time: s.r.Now, Kind: kind, AccountID: s.account.ID, Address: s.account.Address,
		Credential: credential, Actor: s.r.Actor, Detail: detail})
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
// somebody knew it. Where ours stands in the place of another system's hash it was
// most likely only hashed anew when it was next used; after an import that is
// everybody, so those are counted only.
func (s *settling) password(a, now *store.Account) error {
	if a.MainHash == now.MainHash {
		return nil
	}
	before := a.MainHash
	a.MainHash = now.MainHash
	if s.rehashed = replaceable(before) && !secret.Outdated(now.MainHash, secret.DefaultCost()); s.rehashed {
		return nil
	}
	return s.closed(KeptPassword, "", store.EventPasswordSet, "")
}

// replaceable says whether a login with this hash puts one of ours in its place.
func replaceable(hash string) bool {
	switch secret.SchemeOf(hash, secret.DefaultCost()) {
	case secret.SchemeNone, secret.SchemeUnknown, secret.Argon2id:
		return false
	}
	return true
}
