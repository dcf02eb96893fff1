package portal

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// failure is how one kind of error is told to a person.
type failure struct {
	kind   error
	status int
	key    string
}

// lastTry ends the key of a failure's text where no try is left.
const lastTry = "_last"

// lasts says whether the failure has a last try.
func (f failure) lasts() bool {
	return f.kind == accounts.ErrWrongCode || f.kind == accounts.ErrWrongRecovery
}

// failures are the kinds that a person can do something about, each with its
// text. What is not among them is told as "try again", and logged.
func failures() []failure {
	const wrong, busy = http.StatusUnprocessableEntity, http.StatusServiceUnavailable
	return []failure{
		{accounts.ErrNoCode, wrong, "failure.no_code"},
		{accounts.ErrWrongCode, wrong, "failure.wrong_code"},
		{accounts.ErrCodeClosed, wrong, "failure.code_closed"},
		{accounts.ErrTooSoon, wrong, "failure.too_soon"},
		{accounts.ErrNoSendings, wrong, "failure.no_sendings"},
		{accounts.ErrBudget, busy, "failure.budget"},
		{accounts.ErrNoSMS, busy, "failure.no_sms"},
		{accounts.ErrSendFailed, busy, "failure.send_failed"},
		{accounts.ErrNumber, wrong, "failure.number"},
		{accounts.ErrCountry, wrong, "failure.country"},
		{accounts.ErrNumberTaken, wrong, "failure.number_taken"},
		{accounts.ErrNumberExpected, wrong, "failure.number_expected"},
		{accounts.ErrTooManyNumbers, wrong, "failure.too_many_numbers"},
		{accounts.ErrSameNumber, wrong, "failure.same_number"},
		{accounts.ErrHelpdeskNeeded, wrong, "failure.helpdesk_needed"},
		{accounts.ErrWrongRecovery, wrong, "failure.wrong_recovery"},
		{accounts.ErrNotBound, wrong, "failure.not_bound"},
		{accounts.ErrRequired, wrong, "failure.required"},
		{accounts.ErrPassword, wrong, "failure.password"},
		{accounts.ErrLooksLikeAppPassword, wrong, "failure.looks_like_app_password"},
		{accounts.ErrName, wrong, "failure.name"},
		{accounts.ErrExpires, wrong, "failure.expires"},
		{accounts.ErrExists, wrong, "failure.exists"},
		{accounts.ErrTooMany, wrong, "failure.too_many"},
		{accounts.ErrNoAppPassword, http.StatusNotFound, "failure.no_app_password"},
	}
}

// told turns an error into a status and a sentence above the page; false: the
// person can do nothing about it, and fail has to answer.
func told(err error) (int, message, bool) {
	for _, f := range failures() {
		if !errors.Is(err, f.kind) {
			continue
		}
		m := message{Key: f.key}
		var own *accounts.Error
		if errors.As(err, &own) {
			m = counted(false, f.key, own.TriesLeft, own.Until)
			if own.TriesLeft == 0 && f.lasts() {
				m.Key += lastTry
			}
		}
		return f.status, m, true
	}
	return 0, message{}, false
}

// fail answers what no page can go on from.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r)
	switch {
	case errors.Is(err, accounts.ErrSignedOut), errors.Is(err, accounts.ErrStage):
		s.redirect(w, r, "/") // the session ended or moved on meanwhile
	case errors.Is(err, accounts.ErrStepUp):
		s.redirect(w, r, s.stepPath(r.URL.Path))
	case errors.Is(err, accounts.ErrNoAppPassword), errors.Is(err, accounts.ErrNoDevice):
		s.errorPage(w, r, http.StatusNotFound, "error.not_found")
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		// nobody is left to tell
	default:
		if status, m, known := told(err); known {
			v.tell(m)
			s.errorPage(w, r, status, "error.failed")
			return
		}
		s.Log.Error("portal: failed", "path", logPath(r), "error", err)
		s.errorPage(w, r, http.StatusServiceUnavailable, "error.try_again")
	}
}
