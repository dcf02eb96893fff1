package portal

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// phoneBindRoutes bind a number to an account that has none, or another one
// after a recovery code.
func (s *Server) phoneBindRoutes() []route {
	b := bindPages()
	return []route{
		{method: http.MethodGet, path: pathPhoneBind, who: mayBind, handle: s.showNumber(b)},
		{method: http.MethodPost, path: pathPhoneBind, who: mayBind, fields: []string{"number", "opened"}, handle: s.saveNumber(b)},
		{method: http.MethodPost, path: pathBindHelpdesk, who: mustBind | inside, fields: []string{"recovery"}, handle: s.saveHelpdesk},
		{method: http.MethodGet, path: pathPhoneBindCode, who: mayBind, handle: s.showNumberCode(b)},
		{method: http.MethodPost, path: pathPhoneBindCode, who: mayBind, fields: []string{"code"}, handle: s.saveNumberCode(b)},
		{method: http.MethodPost, path: pathPhoneBindSend, who: mayBind, handle: s.sendNumberCode(b)},
	}
}

// phoneChangeRoutes put another number in the place of the bound one. The code
// to the old number is the second step, which these pages want.
func (s *Server) phoneChangeRoutes() []route {
	b := changePages()
	return []route{
		{method: http.MethodGet, path: pathPhoneChange, who: inside, fresh: true, handle: s.showNumber(b)},
		{method: http.MethodPost, path: pathPhoneChange, who: inside, fresh: true, fields: []string{"number", "opened"}, handle: s.saveNumber(b)},
		{method: http.MethodGet, path: pathPhoneChangeCode, who: inside, fresh: true, handle: s.showNumberCode(b)},
		{method: http.MethodPost, path: pathPhoneChangeCode, who: inside, fresh: true, fields: []string{"code"}, handle: s.saveNumberCode(b)},
		{method: http.MethodPost, path: pathPhoneChangeSend, who: inside, fresh: true, handle: s.sendNumberCode(b)},
	}
}

// numberPages are the two pages of naming a number: the number, and its code.
type numberPages struct {
	purpose        store.Purpose
	page, codePage string
	path, codePath string
	sendPath       string
	wants          func(v *visit) bool // whether the pages are for this visitor
}

func bindPages() numberPages {
	return numberPages{
		purpose: store.PurposeBind, page: "phone_bind", codePage: "phone_bind_code",
		path: pathPhoneBind, codePath: pathPhoneBindCode, sendPath: pathPhoneBindSend,
		wants: func(v *visit) bool { return !v.session.Bound || v.stands() == atRebind },
	}
}

func changePages() numberPages {
	return numberPages{
		purpose: store.PurposeChange, page: "phone_change", codePage: "phone_change_code",
		path: pathPhoneChange, codePath: pathPhoneChangeCode, sendPath: pathPhoneChangeSend,
		wants: func(v *visit) bool { return v.session.Bound },
	}
}

// numberView is what a page that asks for a number shows.
type numberView struct {
	Opened   string    // the stamp that the form carries
	Until    time.Time // the page is void from then on
	Number   string    // as it was typed
	Phone    string    // masked: the one bound now, "" if none is
	Required bool      // two-step verification is required: nothing else can be reached before
	Rebind   bool      // after a recovery code
	Helpdesk bool      // the helpdesk's code is asked first
	NoSMS    bool      // no sender is set up: nothing can be bound
}

func (s *Server) showNumber(b numberPages) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) {
		if !b.wants(v) {
			s.redirect(w, r, pathPhone)
			return
		}
		s.numberPage(w, r, v, b, http.StatusOK, s.Now())
	}
}

func (s *Server) numberPage(w http.ResponseWriter, r *http.Request, v *visit, b numberPages, status int, opened time.Time) {
	at := v.stands()
	s.render(w, r, status, b.page, numberView{
		Opened:   v.stamp(opened),
		Until:    opened.Add(bindWithin),
		Number:   echoedNumber(v.form["number"]),
		Phone:    unbroken(v.session.Phone),
		Required: at == mustBind,
		Rebind:   at == atRebind,
		Helpdesk: v.session.HelpdeskNeeded,
		NoSMS:    !s.Accounts.CanSend(),
	})
}

// echoedNumber is what was typed, if it can have been a number.
func echoedNumber(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	return typed
}

// saveNumber sends a code to the number that was typed.
func (s *Server) saveNumber(b numberPages) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) {
		if !b.wants(v) {
			s.redirect(w, r, pathPhone)
			return
		}
		opened, inTime := v.stamped(s.Now())
		if !inTime {
			s.redirectTold(w, r, b.path, message{Key: "told.timed_out"})
			return
		}
		if _, err := s.Accounts.SendCode(r.Context(), *v.session, b.purpose, v.form["number"], v.browser); err != nil {
			s.refused(w, r, v, err, func(status int) { s.numberPage(w, r, v, b, status, opened) })
			return
		}
		s.redirect(w, r, b.codePath)
	}
}

// saveHelpdesk takes the helpdesk's one-time code, where first bindings want one.
func (s *Server) saveHelpdesk(w http.ResponseWriter, r *http.Request, v *visit) {
	if !v.session.HelpdeskNeeded {
		s.redirect(w, r, pathPhoneBind)
		return
	}
	if err := s.enterRecovery(w, r, v); err != nil {
		s.refusedRecovery(w, r, v, err, func(status int) { s.numberPage(w, r, v, bindPages(), status, s.Now()) })
		return
	}
	s.redirectTold(w, r, pathPhoneBind, message{Good: true, Key: "told.helpdesk_accepted"})
}

func (s *Server) showNumberCode(b numberPages) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) {
		s.numberCodePage(w, r, v, b, http.StatusOK)
	}
}

// numberCodePage asks for the code. Where none is under way, because its time is
// over or nobody asked for one, the number is asked again.
func (s *Server) numberCodePage(w http.ResponseWriter, r *http.Request, v *visit, b numberPages, status int) {
	view, err := s.codeView(r, v, b.purpose)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !view.Sent:
		s.redirectTold(w, r, b.path, message{Key: "told.code_over"})
	default:
		s.render(w, r, status, b.codePage, view)
	}
}

func (s *Server) sendNumberCode(b numberPages) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) {
		s.sendAgain(w, r, v, b.purpose, b.codePath)
	}
}

// saveNumberCode binds, if the code is right.
func (s *Server) saveNumberCode(b numberPages) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) {
		e, err := s.enterCode(w, r, v, b.purpose)
		switch {
		case errors.Is(err, accounts.ErrNoCode):
			s.redirectTold(w, r, b.path, message{Key: "told.code_over"})
		case err != nil:
			s.refused(w, r, v, err, func(status int) { s.numberCodePage(w, r, v, b, status) })
		default:
			s.redirectTold(w, r, pathPhone, boundMessage(e))
		}
	}
}

// boundMessage says what binding has done.
func boundMessage(e accounts.Entered) message {
	if e.Binding != nil && len(e.Binding.Ended) > 0 {
		return counted(true, "told.phone_bound_ended", len(e.Binding.Ended), time.Time{})
	}
	if e.Binding != nil && e.Binding.Changed {
		return message{Good: true, Key: "told.phone_changed"}
	}
	if e.Binding != nil && e.Binding.Again {
		return message{Good: true, Key: "told.phone_again"}
	}
	return message{Good: true, Key: "told.phone_bound"}
}
