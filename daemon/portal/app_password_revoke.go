package portal

import (
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// showRevoke asks before an app password ends.
func (s *Server) showRevoke(w http.ResponseWriter, r *http.Request, v *visit) {
	p, found := s.ownAppPassword(w, r, v)
	switch {
	case !found:
	case p.State != store.Live:
		s.redirect(w, r, pathAppPasswords) // which says when it ended, and why
	default:
		s.render(w, r, http.StatusOK, "app_password_revoke", viewAppPassword(p))
	}
}

func (s *Server) saveRevoke(w http.ResponseWriter, r *http.Request, v *visit) {
	p, found := s.ownAppPassword(w, r, v)
	if !found {
		return
	}
	if err := s.Accounts.RevokeOwn(r.Context(), *v.session, p.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	s.redirectTold(w, r, pathAppPasswords, message{Good: true, Key: "told.app_password_revoked"})
}

// ownAppPassword is the app password that the path names. One of somebody else
// is answered as if it did not exist; false: the answer was given.
func (s *Server) ownAppPassword(w http.ResponseWriter, r *http.Request, v *visit) (accounts.AppPassword, bool) {
	id, err := store.ParseAppPasswordID(r.PathValue("id"))
	if err != nil {
		s.errorPage(w, r, http.StatusNotFound, "error.not_found")
		return accounts.AppPassword{}, false
	}
	all, err := s.Accounts.OwnAppPasswords(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return accounts.AppPassword{}, false
	}
	for _, p := range all {
		if p.ID == id {
			return p, true
		}
	}
	s.errorPage(w, r, http.StatusNotFound, "error.not_found")
	return accounts.AppPassword{}, false
}

// showRevokeAll asks before all of them end, and lists what will stop.
func (s *Server) showRevokeAll(w http.ResponseWriter, r *http.Request, v *visit) {
	all, err := s.Accounts.OwnAppPasswords(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var view []appPasswordView
	for _, p := range live(all) {
		view = append(view, viewAppPassword(p))
	}
	if len(view) == 0 {
		s.redirect(w, r, pathAppPasswords)
		return
	}
	s.render(w, r, http.StatusOK, "app_password_revoke_all", view)
}

func (s *Server) saveRevokeAll(w http.ResponseWriter, r *http.Request, v *visit) {
	if _, err := s.Accounts.RevokeAllOwn(r.Context(), *v.session); err != nil {
		s.fail(w, r, err)
		return
	}
	s.redirectTold(w, r, pathAppPasswords, message{Good: true, Key: "told.app_passwords_revoked"})
}
