package portal

import "net/http"

// maxRecovery bounds a recovery code as typed: twelve letters, and what people
// put between them.
const maxRecovery = 64

func (s *Server) showRecover(w http.ResponseWriter, r *http.Request, _ *visit) {
	s.render(w, r, http.StatusOK, "sign_in_recover", nil)
}

// saveRecover takes a recovery code, or the helpdesk's one-time code, in the
// place of the phone. What it opens is the binding of another number only.
func (s *Server) saveRecover(w http.ResponseWriter, r *http.Request, v *visit) {
	if err := s.enterRecovery(w, r, v); err != nil {
		s.refused(w, r, v, err, func(status int) { s.render(w, r, status, "sign_in_recover", nil) })
		return
	}
	s.redirect(w, r, v.stands().home())
}

func (s *Server) enterRecovery(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := v.form["recovery"]
	if len(typed) > maxRecovery {
		typed = "" // as wrong as any other
	}
	e, err := s.Accounts.EnterRecovery(r.Context(), *v.session, typed, v.browser)
	if err == nil {
		s.entered(w, v, e)
	}
	return err
}
