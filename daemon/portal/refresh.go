package portal

import "net/http"

// refreshed is for pages that show when something was used last: what of it waits
// in memory is written before the page reads it. Other pages do not wait for the
// disk, and forms that were sent neither.
func (s *Server) refreshed(page handler) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) {
		if err := s.Accounts.Refresh(r.Context(), v.session.Address); err != nil {
			s.fail(w, r, err)
			return
		}
		page(w, r, v)
	}
}
