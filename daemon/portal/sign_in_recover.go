package portal

import (
	"errors"
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// maxRecovery bounds a recovery code as typed: twelve letters, and what people
// put between them.
const maxRecovery = 64

// recoverView is what the page for a recovery code shows.
type recoverView struct {
	Inside bool // who asks is signed in: the code takes that back until a number is bound
}

func (s *Server) showRecover(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.session.Bound {
		s.redirect(w, r, pathPhone) // there is nothing to recover
		return
	}
	s.recoverPage(w, r, v, http.StatusOK)
}

func (s *Server) recoverPage(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	s.render(w, r, status, "sign_in_recover", recoverView{Inside: v.stands() == inside})
}

// saveRecover takes a recovery code, or the helpdesk's one-time code, in the
// place of the phone. What it opens is the binding of a number only, also for who
// could reach everything before.
func (s *Server) saveRecover(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.session.Bound {
		s.redirect(w, r, pathPhone)
		return
	}
	if err := s.enterRecovery(w, r, v); err != nil {
		s.refusedRecovery(w, r, v, err, func(status int) { s.recoverPage(w, r, v, status) })
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

// refusedRecovery is refused for these codes: with the last wrong one the session
// has ended, and the sign-in page says so.
func (s *Server) refusedRecovery(w http.ResponseWriter, r *http.Request, v *visit, err error, show func(status int)) {
	var own *accounts.Error
	if errors.As(err, &own) && own.Kind == accounts.ErrWrongRecovery && own.TriesLeft == 0 {
		_, m, _ := told(err)
		s.redirectTold(w, r, pathSignIn, m)
		return
	}
	s.refused(w, r, v, err, show)
}
