package accounts

import (
	"errors"

	"github.com/latchkey-mail/latchkey/store"
)

// mailCut says which mail sessions a change ends, beside those of the app
// passwords that it ends.
type mailCut uint8

const (
	cutNone mailCut = iota
	cutMain         // opened with the main password
	cutAll          // opened with anything that opened a door until now
)

// cutMail ends mail sessions, now that the change is on disk.
func (s *Service) cutMail(c *change) {
	if s.Cut == nil {
		return
	}
	var credentials []string
	if c.cut != cutNone {
		credentials = append(credentials, store.MainCredential(c.account.ID))
	}
	for _, p := range c.buried {
		credentials = append(credentials, p.ID.String())
	}
	if c.cut == cutAll { // each by name: "doveadm kick -f" cannot mean any of one account
		for _, row := range c.account.AppPasswords {
			if row.State == store.Live {
				credentials = append(credentials, row.ID.String())
			}
		}
	}
	if len(credentials) > 0 {
		s.Cut(c.account.Address, credentials)
	}
}

// endAtPortal ends what rests on the account as it was before: all sessions but
// one, the trust in browsers, and the codes that are waited for.
func (c *change) endAtPortal(but store.SessionID) error {
	c.made = true
	if _, err := c.Writer.EndSessions(c.account.ID, but); err != nil {
		return err
	}
	if _, err := c.EndTrust(c.account.ID); err != nil {
		return err
	}
	_, err := c.EndChallenges(c.account.ID)
	return err
}

// endRecovery ends the recovery codes and what the helpdesk gave: without a phone
// there is nothing to recover.
func (c *change) endRecovery() error {
	if err := c.DeleteRecoveryCodes(c.account.ID); err != nil {
		return err
	}
	return c.DeleteHelpdeskCode(c.account.ID)
}

// intact drops the error of records that are damaged: the list beside it is good
// without them.
func intact[T any](list []T, err error) ([]T, error) {
	if errors.Is(err, store.ErrDamaged) {
		return list, nil
	}
	return list, err
}

// endAllAppPasswords ends the live ones.
func (c *change) endAllAppPasswords() ([]store.AppPasswordID, error) {
	return c.endAppPasswords(store.Revoked, func(store.AppPassword) bool { return true })
}
