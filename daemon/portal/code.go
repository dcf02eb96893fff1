package portal

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// codeView is what a page with a field for an SMS code shows.
type codeView struct {
	Phone        string // masked
	Sent         bool   // a code is under way: there is something to enter
	Expires      time.Time
	ResendAt     time.Time // when "send again" may be asked
	TooSoon      bool      // that is not now
	SendingsLeft int
	TriesLeft    int
	NoSMS        bool   // no sender is set up
	TrustDays    int    // 0: this browser cannot be trusted
	Next         string // where /confirm leads
}

// codeView is the state of the code of one purpose. That there is none is no
// error: Sent is false.
func (s *Server) codeView(r *http.Request, v *visit, purpose store.Purpose) (codeView, error) {
	view := codeView{Phone: unbroken(v.session.Phone), NoSMS: !s.Accounts.CanSend()}
	c, err := s.Accounts.Challenge(r.Context(), *v.session, purpose)
	if errors.Is(err, accounts.ErrNoCode) {
		return view, nil
	}
	if err != nil {
		return codeView{}, err
	}
	view.Sent, view.Phone = true, unbroken(c.Phone)
	view.Expires, view.ResendAt, view.TooSoon = c.Expires, c.ResendAt, c.ResendAt.After(s.Now())
	view.SendingsLeft, view.TriesLeft = c.SendingsLeft, c.TriesLeft
	return view, nil
}

// unbroken keeps a masked number on one line.
func unbroken(masked string) string { return strings.ReplaceAll(masked, " ", "\u00a0") }

// enterCode tries the code of the form.
func (s *Server) enterCode(w http.ResponseWriter, r *http.Request, v *visit, purpose store.Purpose) (accounts.Entered, error) {
	e, err := s.Accounts.EnterCode(r.Context(), *v.session, accounts.Entry{
		Purpose: purpose,
		Code:    v.form["code"],
		Trust:   v.form.has("trust"),
		Browser: v.browser,
		Device:  s.readCookie(r, deviceName(v.session.Account)),
	})
	if err == nil {
		s.entered(w, v, e)
	}
	return e, err
}

// sendAgain sends the code of a purpose and shows the page with its field.
func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request, v *visit, purpose store.Purpose, path string) {
	_, err := s.Accounts.SendCode(r.Context(), *v.session, purpose, "", v.browser)
	if err == nil {
		s.redirectTold(w, r, path, message{Good: true, Key: "told.code_sent"})
		return
	}
	if _, m, known := told(err); known {
		s.redirectTold(w, r, path, m)
		return
	}
	s.fail(w, r, err)
}

// refused shows a page again with what was wrong above it. What no page can go
// on from is answered by fail.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, v *visit, err error, show func(status int)) {
	status, m, known := told(err)
	if !known {
		s.fail(w, r, err)
		return
	}
	v.tell(m)
	show(status)
}
