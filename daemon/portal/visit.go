package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/policy"
)

// visit is one request and what is known of the visitor.
type visit struct {
	session  *accounts.Session // nil: signed out
	cookie   string            // the session's cookie as it was sent, or as it is set by this answer
	browser  accounts.Browser
	arrived  time.Time // when the last byte of the request had come: refusals are aged from then
	form     form      // what the route's fields were given: of the body for POST, of the query for GET
	messages []message
}

// message is one sentence above a page.
type message struct {
	Good bool   // something was done; else something went wrong
	Key  string // of the text
	Args []any  // name, value, … of the text's placeholders
}

// counted is a message with a number and a time, where its text wants them.
func counted(good bool, key string, count int, until time.Time) message {
	return message{Good: good, Key: key, Args: []any{"count", count, "until", until}}
}

// arg is the value of one placeholder, nil if there is none.
func (m message) arg(name string) any {
	for i := 0; i+1 < len(m.Args); i += 2 {
		if m.Args[i] == name {
			return m.Args[i+1]
		}
	}
	return nil
}

// tell puts a sentence above the page that answers this request.
func (v *visit) tell(m message) { v.messages = append(v.messages, m) }

type visitKey struct{}

// visitOf is the visit that r belongs to; never nil.
func visitOf(r *http.Request) *visit {
	if v, found := r.Context().Value(visitKey{}).(*visit); found {
		return v
	}
	return &visit{}
}

// visited answers the requests of one route: it finds out who comes, reads the
// form, leads away who may not come, and only then lets the handler look.
func (s *Server) visited(at route) http.HandlerFunc {
	if at.public {
		return func(w http.ResponseWriter, r *http.Request) { at.handle(w, r, visitOf(r)) }
	}
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{browser: s.browser(r)}
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		if err := s.findSession(r, v); err != nil && !passable(err, at) {
			s.fail(w, r, err)
			return
		}
		var bad *badForm
		if v.form, bad = s.readForm(w, r, v, at); bad != nil {
			s.errorPage(w, r, bad.status, bad.key)
			return
		}
		v.arrived = s.Now()
		if s.admit(w, r, v, at) {
			v.messages = s.takeTold(w, r)
			at.handle(w, r, v)
		}
	}
}

// admit says whether the visitor may come, and answers who may not.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, v *visit, at route) bool {
	here := v.stands()
	switch {
	case at.who&here == 0 && here == stranger && s.readCookie(r, sessionCookie) != "":
		s.redirectTold(w, r, pathSignIn, message{Key: "told.session_over"})
	case at.who&here == 0:
		s.redirect(w, r, here.home())
	case at.method == http.MethodPost && !at.tokenless && !v.tokenRight():
		s.errorPage(w, r, http.StatusForbidden, "error.stale_form")
	case at.fresh && v.wantsStep():
		s.redirect(w, r, s.stepPath(r.URL.Path))
	default:
		return true
	}
	return false
}

// wantsStep says whether the second step has to be passed again first. Who has
// none, has nothing to pass.
func (v *visit) wantsStep() bool { return v.session.Bound && !v.session.Fresh }

// browser is what accounts is told of where a request comes from.
func (s *Server) browser(r *http.Request) accounts.Browser {
	addr := s.clientAddr(r)
	return accounts.Browser{Addr: addr, Network: policy.Network(addr), UserAgent: r.UserAgent(), Language: s.language(r)}
}

// redirect sends the browser to another page of the portal, by GET.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, s.base()+path, http.StatusSeeOther)
}
