package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/portal/locale"
)

// languageRoutes change the language of pages in this browser.
func (s *Server) languageRoutes() []route {
	return []route{{method: http.MethodPost, path: pathLanguage, who: anyone, fields: []string{"language", "back"}, handle: s.saveLanguage}}
}

// saveLanguage keeps the choice and goes back to the page it was made on, if
// that is one that can be shown again.
func (s *Server) saveLanguage(w http.ResponseWriter, r *http.Request, v *visit) {
	if slices.Contains(locale.Tags(), v.form["language"]) {
		s.setCookie(w, languageCookie, v.form["language"], s.Now().Add(languageFor))
	}
	back := "/"
	if s.isPage(v.form["back"]) {
		back = v.form["back"]
	}
	s.redirect(w, r, back)
}

// isPage says whether path is one of the portal's own pages.
func (s *Server) isPage(path string) bool {
	return slices.ContainsFunc(s.routes, func(at route) bool {
		return at.method == http.MethodGet && at.path == path && !strings.ContainsAny(path, "{}") && !at.public
	})
}
