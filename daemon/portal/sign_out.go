package portal

import "net/http"

func (s *Server) signOutRoutes() []route {
	return []route{
		{method: http.MethodPost, path: pathSignOut, who: anyone, handle: s.signOut},
		{method: http.MethodPost, path: pathSignOutAll, who: inside, handle: s.signOutEverywhere},
	}
}

// signOut ends this session. Who is signed out already just is.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, v *visit) {
	if v.session != nil {
		if err := s.Accounts.SignOut(r.Context(), *v.session); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.dropCookie(w, sessionCookie)
	s.redirectTold(w, r, pathSignIn, message{Good: true, Key: "told.signed_out"})
}

// signOutEverywhere ends every session of the account.
func (s *Server) signOutEverywhere(w http.ResponseWriter, r *http.Request, v *visit) {
	if err := s.Accounts.SignOutEverywhere(r.Context(), *v.session); err != nil {
		s.fail(w, r, err)
		return
	}
	s.dropCookie(w, sessionCookie)
	s.redirectTold(w, r, pathSignIn, message{Good: true, Key: "told.signed_out_everywhere"})
}
