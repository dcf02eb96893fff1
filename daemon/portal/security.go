package portal

import (
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// securityRoutes show where an account stands, and lead to all that can be
// changed.
func (s *Server) securityRoutes() []route {
	return []route{{method: http.MethodGet, path: pathSecurity, who: inside, handle: s.showSecurity}}
}

type securityView struct {
	Bound        bool
	Phone        string // masked
	Recovery     accounts.RecoveryState
	AppPasswords int // live
	Trusted      int // browsers
	Refused      int // mail programs that keep sending a password that is refused
}

func (s *Server) showSecurity(w http.ResponseWriter, r *http.Request, v *visit) {
	view := securityView{Bound: v.session.Bound, Phone: v.session.Phone}
	all, err := s.Accounts.OwnAppPasswords(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	devices, err := s.Accounts.OwnDevices(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if view.Bound {
		if view.Recovery, err = s.Accounts.RecoveryCodesLeft(r.Context(), *v.session); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	view.AppPasswords = len(live(all))
	view.Trusted = len(trusted(devices.Browsers, s.Now()))
	for _, p := range devices.Programs {
		if insists(p) {
			view.Refused++
		}
	}
	s.render(w, r, http.StatusOK, "security", view)
}

// live are those app passwords that open something.
func live(all []accounts.AppPassword) []accounts.AppPassword {
	var some []accounts.AppPassword
	for _, p := range all {
		if p.State == store.Live {
			some = append(some, p)
		}
	}
	return some
}

// trusted are those browsers that need no code.
func trusted(all []accounts.BrowserDevice, now time.Time) []accounts.BrowserDevice {
	var some []accounts.BrowserDevice
	for _, b := range all {
		if b.TrustedUntil.After(now) {
			some = append(some, b)
		}
	}
	return some
}
