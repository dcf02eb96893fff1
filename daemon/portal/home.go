package portal

import "net/http"

// homeRoutes lead whoever comes to the portal's own address to where they belong.
func (s *Server) homeRoutes() []route {
	return []route{{method: http.MethodGet, path: "/{$}", who: anyone, handle: s.showHome}}
}

func (s *Server) showHome(w http.ResponseWriter, r *http.Request, v *visit) {
	s.redirect(w, r, v.stands().home())
}
