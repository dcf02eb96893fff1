package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// helpdeskCodeFor is how long the helpdesk's code works.
const helpdeskCodeFor = 30 * time.Minute

// ResetPhone makes the one-time code that the helpdesk gives to somebody whose
// phone is lost, or whose first phone needs it, and says until when it works. The
// number stays bound until another takes its place, and codes that are sent to it
// are taken again if too many were wrong. revoke also ends all app passwords and
// mail sessions.
func (s *Service) ResetPhone(ctx context.Context, actor store.Actor, typed string, revoke bool) (secret.RecoveryCode, time.Time, error) {
	code, err := secret.NewRecoveryCode(s.Rand)
	if err != nil {
		return secret.RecoveryCode{}, time.Time{}, fmt.Errorf("accounts: %w", err)
	}
	var until time.Time
	err = s.change(ctx, actor, typed, func(c *change) error {
		until = c.now.Add(helpdeskCodeFor).Truncate(time.Second)
		if err := errors.Join(c.endAtPortal(store.SessionID{}), c.openCodes()); err != nil {
			return err
		}
		made := store.HelpdeskCode{Tag: s.Keys.HelpdeskTag(c.account.ID, code), Made: c.now, Until: until, By: actor}
		if err := c.PutHelpdeskCode(c.account.ID, made); err != nil {
			return err
		}
		if err := c.event(store.EventHelpdeskCodeMade, "", "until "+until.Format(time.RFC3339)); err != nil || !revoke {
			return err
		}
		c.cut = cutAll
		_, err := c.endAllAppPasswords()
		return err
	})
	if err != nil {
		return secret.RecoveryCode{}, time.Time{}, err
	}
	return code, until, nil
}
