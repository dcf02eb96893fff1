package portal

import (
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// signInCodeRoutes are the second step, and the way of who has lost the phone: that
// one is open to who is in by a trusted browser, too, and is asked the step again.
func (s *Server) signInCodeRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathSignInCode, who: atCode, handle: s.showSignInCode},
		{method: http.MethodPost, path: pathSignInCode, who: atCode, fields: []string{"code", "trust"}, handle: s.saveSignInCode},
		{method: http.MethodPost, path: pathSignInCodeSend, who: atCode, handle: s.sendSignInCode},
		{method: http.MethodGet, path: pathSignInRecover, who: atCode | inside, handle: s.showRecover},
		{method: http.MethodPost, path: pathSignInRecover, who: atCode | inside, fields: []string{"recovery"}, handle: s.saveRecover},
	}
}

func (s *Server) showSignInCode(w http.ResponseWriter, r *http.Request, v *visit) {
	s.signInCodePage(w, r, v, http.StatusOK)
}

func (s *Server) signInCodePage(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	view, err := s.codeView(r, v, store.PurposeSignIn)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.TrustDays = int(time.Duration(s.Config().Portal.TrustFor) / (24 * time.Hour))
	s.render(w, r, status, "sign_in_code", view)
}

func (s *Server) sendSignInCode(w http.ResponseWriter, r *http.Request, v *visit) {
	s.sendAgain(w, r, v, store.PurposeSignIn, pathSignInCode)
}

func (s *Server) saveSignInCode(w http.ResponseWriter, r *http.Request, v *visit) {
	if _, err := s.enterCode(w, r, v, store.PurposeSignIn); err != nil {
		s.refused(w, r, v, err, func(status int) { s.signInCodePage(w, r, v, status) })
		return
	}
	s.redirect(w, r, v.stands().home())
}
