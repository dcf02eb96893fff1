package accounts

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Rehash puts another stored hash of the same main password in the place of the
// one that account had when it was read, if it has it still, and says whether it
// did. Nothing ends by that: no password was changed. The event names the scheme
// of old.
func (s *Service) Rehash(ctx context.Context, account *store.Account, hash string) (bool, error) {
	done := false
	err := s.changeAt(ctx, expiry, account.Address, func(c *change) error {
		done = c.account.ID == account.ID && c.account.MainHash == account.MainHash
		if !done {
			return nil
		}
		c.account.MainHash = hash
		return c.event(store.EventPasswordRehashed, "", "was "+secret.SchemeOf(account.MainHash, s.hashCost()))
	})
	return done && err == nil, err
}

// sameMain says whether the fingerprint is that of the account's main password.
func (s *Service) sameMain(a *store.Account, fingerprint [16]byte) bool {
	if s.SameMain != nil {
		return s.SameMain(a, fingerprint)
	}
	return sameTag(a.MainFingerprint(), fingerprint)
}
