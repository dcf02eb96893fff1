package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-mail/latchkey/store"
)

// allRoutes is every address of the portal. Each group of pages lists its own.
func (s *Server) allRoutes() []route {
	return slices.Concat(
		s.homeRoutes(),
		s.signInRoutes(),
		s.signInCodeRoutes(),
		s.signOutRoutes(),
		s.phoneRoutes(),
		s.phoneBindRoutes(),
		s.phoneChangeRoutes(),
		s.confirmRoutes(),
		s.passwordRoutes(),
		s.recoveryCodeRoutes(),
		s.languageRoutes(),
		s.securityRoutes(),
		s.appPasswordRoutes(),
		s.deviceRoutes(),
		s.guideRoutes(),
		s.staticRoutes(),
	)
}

// handler answers one request of a visitor who may come.
type handler func(w http.ResponseWriter, r *http.Request, v *visit)

// route is one address.
type route struct {
	method    string // GET or POST
	path      string // as [http.ServeMux] has it
	who       standing
	fields    []string // of its form, beside the token; of the query for GET
	fresh     bool     // the second step must have been passed lately, where there is one
	tokenless bool     // its form comes from a page without a session
	public    bool     // no visitor is looked up: static files
	handle    handler
}

// standing is how far a visitor has come; who of a route is a set of them.
type standing uint8

const (
	stranger standing = 1 << iota // signed out
	atCode                        // password right, code awaited
	atRebind                      // recovery or helpdesk code given: may only bind another number
	mustBind                      // two-step verification is required and no phone is bound
	inside

	anyone   = stranger | atCode | atRebind | mustBind | inside
	signedIn = anyone &^ stranger
	mayBind  = atRebind | mustBind | inside
)

// stands says how far the session has come.
func (v *visit) stands() standing {
	switch {
	case v.session == nil:
		return stranger
	case v.session.Stage == store.StageCode:
		return atCode
	case v.session.Stage == store.StageRebind:
		return atRebind
	case v.session.Stage != store.StageIn:
		return stranger
	case v.session.Required:
		return mustBind
	default:
		return inside
	}
}

// home is where a visitor belongs.
func (at standing) home() string {
	switch at {
	case atCode:
		return pathSignInCode
	case atRebind, mustBind:
		return pathPhoneBind
	case inside:
		return pathSecurity
	default:
		return pathSignIn
	}
}

// stepPaths are the pages that want the second step, to be shown or for their
// form: the closed list of where /confirm may lead.
func stepPaths(routes []route) []string {
	var list []string
	for _, at := range routes {
		shows := slices.ContainsFunc(routes, func(page route) bool { return page.method == http.MethodGet && page.path == at.path })
		if at.fresh && shows && !strings.Contains(at.path, "{") && !slices.Contains(list, at.path) {
			list = append(list, at.path)
		}
	}
	return list
}
