package portal

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/latchkey-mail/latchkey/store"
)

// confirmRoutes ask the second step again, before what a thief at an unlocked
// computer would do first.
func (s *Server) confirmRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathConfirm, who: inside, fields: []string{"next"}, handle: s.showConfirm},
		{method: http.MethodPost, path: pathConfirm, who: inside, fields: []string{"code", "next"}, handle: s.saveConfirm},
		{method: http.MethodPost, path: pathConfirmSend, who: inside, fields: []string{"next"}, handle: s.sendConfirm},
	}
}

func (s *Server) showConfirm(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.wantsStep() {
		s.redirect(w, r, s.afterStep(v))
		return
	}
	s.confirmPage(w, r, v, http.StatusOK)
}

func (s *Server) confirmPage(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	view, err := s.codeView(r, v, store.PurposeConfirm)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Next = v.form["next"]
	if !slices.Contains(s.steps, view.Next) {
		view.Next = ""
	}
	s.render(w, r, status, "confirm", view)
}

// sendConfirm sends the code: the first time and again.
func (s *Server) sendConfirm(w http.ResponseWriter, r *http.Request, v *visit) {
	s.sendAgain(w, r, v, store.PurposeConfirm, s.stepPath(v.form["next"]))
}

func (s *Server) saveConfirm(w http.ResponseWriter, r *http.Request, v *visit) {
	if _, err := s.enterCode(w, r, v, store.PurposeConfirm); err != nil {
		s.refused(w, r, v, err, func(status int) { s.confirmPage(w, r, v, status) })
		return
	}
	s.redirect(w, r, s.afterStep(v))
}

// afterStep is the page that wanted the second step, if it is on the closed list.
func (s *Server) afterStep(v *visit) string {
	if slices.Contains(s.steps, v.form["next"]) {
		return v.form["next"]
	}
	return pathSecurity
}

// stepPath is the page that asks the second step and leads on to next, if that
// is on the closed list.
func (s *Server) stepPath(next string) string {
	if !slices.Contains(s.steps, next) {
		return pathConfirm
	}
	return pathConfirm + "?" + url.Values{"next": {next}}.Encode()
}
