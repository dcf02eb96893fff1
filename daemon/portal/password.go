package portal

import (
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func (s *Server) passwordRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathPassword, who: inside, fresh: true, handle: s.refreshed(s.showPassword)},
		{method: http.MethodPost, path: pathPassword, who: inside, fresh: true,
			fields: []string{"present", "password", "again", "revoke"}, handle: s.savePassword},
	}
}

// passwordView is what the page for a new main password shows.
type passwordView struct {
	Address      string // for password managers
	Revoke       bool
	AppPasswords []accounts.AppPassword // live: those that stop if the box is ticked
}

func (s *Server) showPassword(w http.ResponseWriter, r *http.Request, v *visit) {
	s.passwordPage(w, r, v, http.StatusOK)
}

func (s *Server) passwordPage(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	all, err := s.Accounts.OwnAppPasswords(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "password", passwordView{Address: v.session.Address, Revoke: v.form.has("revoke"), AppPasswords: live(all)})
}

// savePassword changes the main password. The present one is asked although the
// second step was passed: an unlocked computer has passed it, too.
func (s *Server) savePassword(w http.ResponseWriter, r *http.Request, v *visit) {
	if key := newPasswordWrong(v.form); key != "" {
		v.tell(message{Key: key})
		s.passwordPage(w, r, v, http.StatusUnprocessableEntity)
		return
	}
	leave, room := s.room.enter(v.browser.Network)
	if !room {
		s.errorPage(w, r, http.StatusServiceUnavailable, "error.try_again")
		return
	}
	defer leave()
	verdict := s.checkPassword(r.Context(), v, v.session.Address, v.form["present"])
	if verdict.Outcome != store.Accepted || verdict.Login.Account != v.session.Account {
		if s.age(r.Context(), v.arrived) {
			s.passwordPage(w, r, v, v.refuse(verdict, "failure.present_password"))
		}
		return
	}
	e, ended, err := s.Accounts.ChangePassword(r.Context(), *v.session, secret.New(v.form["password"]), v.form.has("revoke"))
	if err != nil {
		s.refused(w, r, v, err, func(status int) { s.passwordPage(w, r, v, status) })
		return
	}
	s.entered(w, v, e)
	m := message{Good: true, Key: "told.password_changed"}
	if len(ended) > 0 {
		m = counted(true, "told.password_changed_ended", len(ended), time.Time{})
	}
	s.redirectTold(w, r, pathSecurity, m)
}

// newPasswordWrong is the text on what is wrong with the new password before the
// present one is looked at, "" if nothing is. Passwords are taken as they are
// typed: blanks at the ends are part of them.
func newPasswordWrong(f form) string {
	switch {
	case f["password"] != f["again"]:
		return "failure.passwords_differ"
	case f["password"] == f["present"]:
		return "failure.same_password"
	case len(f["password"]) > hasher.MaxPassword:
		return "failure.password"
	}
	return ""
}
