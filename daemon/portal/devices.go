package portal

import (
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

const (
	pathDevices       = "/devices"
	pathUntrust       = "/devices/{id}/untrust"
	pathDeleteDevice  = "/devices/{id}/delete"
	pathDeleteProgram = "/devices/program/{id}/delete"
)

// deviceRoutes show where an account is used, and end that.
func (s *Server) deviceRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathDevices, who: inside, handle: s.refreshed(s.showDevices)},
		{method: http.MethodPost, path: pathUntrust, who: inside, handle: s.saveUntrust},
		{method: http.MethodGet, path: pathDeleteDevice, who: inside, handle: s.showDeleteDevice},
		{method: http.MethodPost, path: pathDeleteDevice, who: inside, handle: s.saveDeleteDevice},
		{method: http.MethodGet, path: pathDeleteProgram, who: inside, handle: s.refreshed(s.showDeleteProgram)},
		{method: http.MethodPost, path: pathDeleteProgram, who: inside, handle: s.saveDeleteProgram},
	}
}

// recentFor is how long a browser stays in the list of those that signed in.
const recentFor = 7 * 24 * time.Hour

// devicesView is the page on devices. A trusted browser may stand in both lists.
type devicesView struct {
	Bound    bool
	Trusted  []browserView
	Recent   []browserView
	Programs []programView
}

// browserView is one browser.
type browserView struct {
	accounts.BrowserDevice
	Agent   agent
	From    string
	Trusts  bool // now
	Session bool // it is signed in
}

// programView is one mail program.
type programView struct {
	accounts.Program
	Agent   agent
	Service string
	From    string
	Reason  string // key of why it is refused
	Insists bool   // it keeps sending what is refused
	Ends    bool   // to delete it is to revoke its app password
}

func (s *Server) showDevices(w http.ResponseWriter, r *http.Request, v *visit) {
	devices, err := s.Accounts.OwnDevices(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	now := s.Now()
	view := devicesView{Bound: v.session.Bound}
	for _, b := range trusted(devices.Browsers, now) {
		view.Trusted = append(view.Trusted, viewBrowser(b, now))
	}
	for _, b := range devices.Browsers {
		if now.Sub(b.Last) < recentFor {
			view.Recent = append(view.Recent, viewBrowser(b, now))
		}
	}
	for _, p := range devices.Programs {
		view.Programs = append(view.Programs, viewProgram(p))
	}
	s.render(w, r, http.StatusOK, "devices", view)
}

func viewBrowser(b accounts.BrowserDevice, now time.Time) browserView {
	shown := browserView{BrowserDevice: b, Agent: webAgent(b.UserAgent), Trusts: b.TrustedUntil.After(now), Session: b.Sessions > 0}
	if b.Addr.IsValid() {
		shown.From = b.Addr.String()
	}
	return shown
}

func viewProgram(p accounts.Program) programView {
	shown := programView{Program: p, Agent: mailAgent(p.ClientID), Service: serviceName(p.Service), Insists: insists(p),
		Ends: !p.AppPassword.IsZero() && p.State == store.Live}
	if p.Refused {
		shown.Reason = reasonKey(p.Reason)
	}
	if p.Addr.IsValid() {
		shown.From = p.Addr.String()
	}
	return shown
}

// insists says whether a mail program keeps sending a password that is refused:
// it was told an old one and repeats it, which a person does not.
func insists(p accounts.Program) bool { return p.Refused && p.Count >= 3 }

// reasonKey is the text on why a mail program is refused.
func reasonKey(reason store.Reason) string {
	switch reason {
	case store.ReasonWrongSecret:
		return "devices.wrong_secret"
	case store.ReasonPhoneBound, store.ReasonEnforced:
		return "devices.main_password"
	case store.ReasonRevoked:
		return "devices.revoked"
	case store.ReasonExpired:
		return "devices.expired"
	case store.ReasonScope:
		return "devices.scope"
	case store.ReasonDisabled:
		return "devices.disabled"
	default:
		return "devices.refused"
	}
}
