// Package portal is the door that people come to with a browser: HTTP, forms,
// templates and cookies. What they change goes through package accounts, whether
// a main password is right is package policy's to say; nothing here decides
// either.
//
// Every address is a row of one table ([route]): who may come there, which
// fields its form has, whether the second step must have been passed lately. A
// visitor who may not come is led to where they belong, by one function, so that
// a session that has given only a password reaches nothing but what its row
// says.
//
// A page is one small file here, with what shows it and what saves its form, and
// one template.
package portal

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
)

// Policy says whether a main password is right: [policy.Policy].
type Policy interface {
	SignIn(ctx context.Context, a *policy.Attempt) policy.Verdict
}

// Audit takes the event of every sign-in that was tried.
type Audit interface {
	Login(ev store.Event)
}

// Server answers browsers. All fields must be set, and none is changed once
// Handler was called.
type Server struct {
	Accounts *accounts.Service
	Policy   Policy
	Audit    Audit
	Config   func() *config.Config // the one in force: a reload changes it
	Log      *slog.Logger
	Now      func() time.Time
	Rand     io.Reader // of cryptographic quality

	routes []route
	steps  []string // where /confirm may lead: the pages that want the second step
	room   *waiting // sign-ins under way
	bodies *waiting // forms that are being read
	pages  *pages   // in every language

	bodyWithin time.Duration // the constant of that name, but in tests
}

// Handler returns what answers. It is an error if a template or a text is broken.
func (s *Server) Handler() (http.Handler, error) {
	var err error
	if s.pages, err = s.openPages(); err != nil {
		return nil, err
	}
	s.routes = s.allRoutes()
	s.steps = stepPaths(s.routes)
	s.room = newWaiting(maxWaiting, maxWaitingNetwork)
	s.bodies = newWaiting(maxBodies, maxBodiesNetwork)
	s.bodyWithin = bodyWithin
	mux := http.NewServeMux()
	for _, at := range s.routes {
		mux.HandleFunc(at.method+" "+at.path, s.visited(at))
	}
	mux.HandleFunc("/", s.visited(route{method: http.MethodGet, who: anyone, handle: s.showNotFound}))
	return s.around(mux), nil
}

// showNotFound answers for every other address.
func (s *Server) showNotFound(w http.ResponseWriter, r *http.Request, _ *visit) {
	s.errorPage(w, r, http.StatusNotFound, "error.not_found")
}
