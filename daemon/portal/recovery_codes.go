package portal

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// recoveryCodeRoutes make the codes that open the portal without the phone.
func (s *Server) recoveryCodeRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathRecoveryCodes, who: inside, handle: s.showRecoveryCodes},
		{method: http.MethodPost, path: pathRecoveryCodes, who: inside, fresh: true, fields: []string{"before"}, handle: s.saveRecoveryCodes},
	}
}

// recoveryCodesView is what the page on recovery codes shows.
type recoveryCodesView struct {
	Left, Of int
	Made     time.Time
	Damaged  bool     // those there were cannot be read
	Before   string   // when the last codes were made: the form carries it
	Codes    []string // shown once, right after they were made
	Asks     bool     // an SMS code is asked first
}

func (s *Server) showRecoveryCodes(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.session.Bound {
		s.redirect(w, r, pathPhone)
		return
	}
	s.recoveryCodesPage(w, r, v, http.StatusOK)
}

func (s *Server) recoveryCodesPage(w http.ResponseWriter, r *http.Request, v *visit, status int) {
	state, err := s.Accounts.RecoveryCodesLeft(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "recovery_codes", recoveryCodesView{
		Left: state.Left, Of: state.Of, Made: state.Made, Damaged: state.Damaged, Before: madeStamp(state.Made), Asks: v.wantsStep(),
	})
}

// saveRecoveryCodes makes ten new codes and shows them, this once. A form that
// comes a second time, by a double click or because somebody reloads the page,
// makes none: it would void those that were just shown.
func (s *Server) saveRecoveryCodes(w http.ResponseWriter, r *http.Request, v *visit) {
	before, err := parseMadeStamp(v.form["before"])
	if err != nil {
		s.errorPage(w, r, http.StatusBadRequest, "error.bad_form")
		return
	}
	codes, err := s.Accounts.MakeRecoveryCodes(r.Context(), *v.session, before)
	switch {
	case errors.Is(err, accounts.ErrCodesMade):
		s.redirectTold(w, r, pathRecoveryCodes, message{Key: "told.codes_made_before"})
		return
	case err != nil:
		s.refused(w, r, v, err, func(status int) { s.recoveryCodesPage(w, r, v, status) })
		return
	}
	view := recoveryCodesView{Left: len(codes), Of: len(codes), Made: s.Now()}
	for _, code := range codes {
		view.Codes = append(view.Codes, code.Group())
	}
	s.render(w, r, http.StatusOK, "recovery_codes", view)
}

// madeStamp names one making of codes: the second of it, as no two of one account
// have the same.
func madeStamp(made time.Time) string {
	if made.IsZero() {
		return "0"
	}
	return strconv.FormatInt(made.Unix(), 10)
}

// parseMadeStamp undoes madeStamp.
func parseMadeStamp(text string) (time.Time, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds == 0 {
		return time.Time{}, err
	}
	return time.Unix(seconds, 0), nil
}
