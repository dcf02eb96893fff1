package portal

import "net/http"

func (s *Server) phoneRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathPhone, who: inside, handle: s.showPhone},
		{method: http.MethodGet, path: pathPhoneUnbind, who: inside, fresh: true, handle: s.showUnbind},
		{method: http.MethodPost, path: pathPhoneUnbind, who: inside, fresh: true, handle: s.saveUnbind},
	}
}

// phoneView is what the pages on the bound phone show.
type phoneView struct {
	Bound    bool
	Phone    string // masked
	MustKeep bool   // it may be changed, not unbound
	NoSMS    bool
}

func (s *Server) phoneView(v *visit) phoneView {
	return phoneView{Bound: v.session.Bound, Phone: unbroken(v.session.Phone), MustKeep: v.session.MustKeep, NoSMS: !s.Accounts.CanSend()}
}

func (s *Server) showPhone(w http.ResponseWriter, r *http.Request, v *visit) {
	s.render(w, r, http.StatusOK, "phone", s.phoneView(v))
}
