package portal

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// newAppPasswordView is the form for an app password. It carries the id that
// the app password will have: sent twice, it makes one.
type newAppPasswordView struct {
	ID      store.AppPasswordID
	Sealed  string // ID, as the form carries it: nobody chooses an id
	Name    string
	Scopes  string
	Expires string
	Wrong   message // about the name; its Key is "" if nothing is wrong
	Choices []scopeChoice
	Days    []int // how long it may last; 0: for ever
}

// sealedAppPassword is the seal of the id that an app password will have.
const sealedAppPassword = "app-password"

// lifetimes are how long an app password may last, in days; 0: until revoked.
func lifetimes() []int { return []int{0, 30, 90, 180, 365} }

func (s *Server) showNewAppPassword(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.session.Bound {
		s.redirect(w, r, pathAppPasswords) // which says why
		return
	}
	id, err := store.NewAppPasswordID(s.Rand)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.newAppPasswordPage(w, r, http.StatusOK, newAppPasswordView{ID: id, Scopes: "all", Expires: "0"})
}

func (s *Server) newAppPasswordPage(w http.ResponseWriter, r *http.Request, status int, view newAppPasswordView) {
	view.Choices, view.Days = scopeChoices(), lifetimes()
	view.Sealed = visitOf(r).seal(sealedAppPassword, view.ID.String())
	s.render(w, r, status, "app_password_new", view)
}

// madeView is an app password with its letters: the only page that has them.
type madeView struct {
	Name    string
	Groups  [4]string // side by side, without anything between
	Setup   setupView
	Webmail bool
}

func (s *Server) saveNewAppPassword(w http.ResponseWriter, r *http.Request, v *visit) {
	spec, good := s.readNewAppPassword(v)
	if !good {
		s.errorPage(w, r, http.StatusBadRequest, "error.bad_form")
		return
	}
	made, letters, err := s.Accounts.MakeAppPassword(r.Context(), *v.session, spec)
	switch {
	case errors.Is(err, accounts.ErrExists):
		s.render(w, r, http.StatusConflict, "app_password_shown", spec.ID)
		return
	case errors.Is(err, accounts.ErrName):
		s.newAppPasswordPage(w, r, http.StatusUnprocessableEntity, newAppPasswordView{ID: spec.ID, Name: v.form["name"],
			Scopes: v.form["scopes"], Expires: v.form["expires"], Wrong: message{Key: "failure.name"}})
		return
	case err != nil:
		s.refused(w, r, v, err, func(status int) {
			s.newAppPasswordPage(w, r, status, newAppPasswordView{ID: spec.ID, Name: v.form["name"],
				Scopes: v.form["scopes"], Expires: v.form["expires"]})
		})
		return
	}
	text := string(letters[:])
	s.render(w, r, http.StatusOK, "app_password_made", madeView{
		Name:   made.Name,
		Groups: [4]string{text[:4], text[4:8], text[8:12], text[12:]},
		Setup:  s.setup(v),
	})
}

// readNewAppPassword reads the form; false: no page of ours has sent it.
func (s *Server) readNewAppPassword(v *visit) (accounts.NewAppPassword, bool) {
	f := v.form
	spec := accounts.NewAppPassword{Name: f["name"]}
	id, ours := v.unseal(sealedAppPassword, f["id"])
	var err error
	if spec.ID, err = store.ParseAppPasswordID(id); err != nil || !ours || spec.ID.IsZero() {
		return spec, false
	}
	if spec.Scopes, err = store.ParseScopes(f["scopes"]); err != nil {
		return spec, false
	}
	for _, days := range lifetimes() {
		if strconv.Itoa(days) != f["expires"] {
			continue
		}
		if days > 0 {
			spec.Expires = s.Now().Add(time.Duration(days) * 24 * time.Hour)
		}
		return spec, true
	}
	return spec, false
}
