package portal

import "net/http"

// showUnbind says what unbinding opens again before it is done.
func (s *Server) showUnbind(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.session.Bound {
		s.redirect(w, r, pathPhone)
		return
	}
	s.render(w, r, http.StatusOK, "phone_unbind", s.phoneView(v))
}

func (s *Server) saveUnbind(w http.ResponseWriter, r *http.Request, v *visit) {
	e, err := s.Accounts.Unbind(r.Context(), *v.session)
	if err != nil {
		s.refused(w, r, v, err, func(status int) { s.render(w, r, status, "phone_unbind", s.phoneView(v)) })
		return
	}
	s.entered(w, v, e)
	s.redirectTold(w, r, pathPhone, message{Good: true, Key: "told.phone_unbound"})
}
