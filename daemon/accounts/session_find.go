package accounts

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// seenEvery is how often the use of a session is noted.
const seenEvery = time.Minute

// Session is the session that a cookie opens. ErrSignedOut: none, or not any
// more.
func (s *Service) Session(ctx context.Context, cookie string, b Browser) (Session, error) {
	account, id, t, ok := parseSessionCookie(cookie)
	if !ok {
		return Session{}, signedOut(nil)
	}
	in := Session{tag: s.Keys.SessionTag(account, t)}
	in.Account, in.ID = account, id
	var found Session
	err := s.look(ctx, in, func(r *store.Reader, o *own) error {
		var err error
		found, err = o.describe(r)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	if now := s.Now().UTC(); s.Seen != nil && now.Sub(found.Seen) >= seenEvery {
		s.Seen(store.Use{Address: found.Address, AccountID: account, Credential: store.SessionCredential(id),
			LastUse: store.LastUse{Time: now, Addr: b.Addr, Service: store.ServicePortal}})
	}
	return found, nil
}
