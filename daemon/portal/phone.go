package portal

import (
	"net/http"
	"strings"
)

func (s *Server) phoneRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathPhone, who: inside, handle: s.showPhone},
		{method: http.MethodGet, path: pathPhoneUnbind, who: inside, fresh: true, handle: s.showUnbind},
		{method: http.MethodPost, path: pathPhoneUnbind, who: inside, fresh: true, handle: s.saveUnbind},
	}
}

// phoneView is what the page on the bound phone shows.
type phoneView struct {
	Phone    string // masked, "" if none is bound
	Required bool   // it may be changed, not unbound
	NoSMS    bool
}

func (s *Server) showPhone(w http.ResponseWriter, r *http.Request, v *visit) {
	s.render(w, r, http.StatusOK, "phone", phoneView{Phone: v.session.Phone, Required: s.enforced(v), NoSMS: s.Accounts.Send == nil})
}

// enforced says whether two-step verification is required of this account's
// domain: then the page does not offer what accounts would refuse.
func (s *Server) enforced(v *visit) bool {
	_, domain, _ := strings.Cut(v.session.Address, "@")
	if s.Accounts.Enforced != nil {
		return s.Accounts.Enforced(domain, s.Now())
	}
	return s.Config().TwoStep.Enforced(domain, s.Now())
}
