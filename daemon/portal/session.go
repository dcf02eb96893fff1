package portal

import (
	"errors"
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// findSession looks up whose request it is. A cookie that opens nothing is just
// "signed out", and is left where it is: a newer one may be on its way to the
// browser by another answer.
func (s *Server) findSession(r *http.Request, v *visit) error {
	cookie := s.readCookie(r, sessionCookie)
	if cookie == "" {
		return nil
	}
	session, err := s.Accounts.Session(r.Context(), cookie, v.browser)
	switch {
	case errors.Is(err, accounts.ErrSignedOut):
		return nil
	case err != nil:
		return err
	}
	v.session, v.cookie = &session, cookie
	return nil
}

// passable tells whether a route goes on without the session that could not be
// looked up. Where strangers may come, one whose account is damaged is as good as
// none: else nobody could sign in to another account in that browser. What is the
// account's own stays "cannot look".
func passable(err error, at route) bool {
	return errors.Is(err, accounts.ErrDamaged) && at.who&stranger != 0
}
