package portal

import (
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

const (
	pathAppPasswords     = "/app-passwords"
	pathNewAppPassword   = "/app-passwords/new"
	pathRevokeAppPasword = "/app-passwords/{id}/revoke"
	pathRevokeAll        = "/app-passwords/revoke-all"
)

// appPasswordRoutes list app passwords, make them and revoke them. To make one
// wants the second step; to revoke one must never be hard.
func (s *Server) appPasswordRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathAppPasswords, who: inside, handle: s.refreshed(s.showAppPasswords)},
		{method: http.MethodGet, path: pathNewAppPassword, who: inside, fresh: true, handle: s.showNewAppPassword},
		{method: http.MethodPost, path: pathNewAppPassword, who: inside, fresh: true,
			fields: []string{"id", "name", "scopes", "expires"}, handle: s.saveNewAppPassword},
		{method: http.MethodGet, path: pathRevokeAppPasword, who: inside, handle: s.refreshed(s.showRevoke)},
		{method: http.MethodPost, path: pathRevokeAppPasword, who: inside, handle: s.saveRevoke},
		{method: http.MethodGet, path: pathRevokeAll, who: inside, handle: s.refreshed(s.showRevokeAll)},
		{method: http.MethodPost, path: pathRevokeAll, who: inside, handle: s.saveRevokeAll},
	}
}

// appPasswordsView is the list: what works, and what has ended and why.
type appPasswordsView struct {
	Bound bool
	Live  []appPasswordView
	Ended []appPasswordView
}

// appPasswordView is one app password as the pages show it.
type appPasswordView struct {
	accounts.AppPassword
	Scope   string // key of the text
	Used    time.Time
	Service string // of the last use: "IMAP"
	From    string // its address
	Program agent
	Cause   string // key of the text on why it ended
}

func (s *Server) showAppPasswords(w http.ResponseWriter, r *http.Request, v *visit) {
	all, err := s.Accounts.OwnAppPasswords(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view := appPasswordsView{Bound: v.session.Bound}
	for i := len(all) - 1; i >= 0; i-- { // the last made first
		shown := viewAppPassword(all[i])
		if shown.State == store.Live {
			view.Live = append(view.Live, shown)
		} else {
			view.Ended = append(view.Ended, shown)
		}
	}
	s.render(w, r, http.StatusOK, "app_passwords", view)
}

func viewAppPassword(p accounts.AppPassword) appPasswordView {
	shown := appPasswordView{AppPassword: p, Scope: scopeKey(p.Scopes), Cause: causeKey(p.State)}
	if use := p.LastUse; use != nil {
		shown.Used, shown.Service, shown.Program = use.Time, serviceName(use.Service), mailAgent(use.ClientID)
		if use.Addr.IsValid() {
			shown.From = use.Addr.String()
		}
	}
	return shown
}

// causeKey is the text on how an app password ended.
func causeKey(state store.AppPasswordState) string {
	switch state {
	case store.Revoked:
		return "app_passwords.revoked"
	case store.Expired:
		return "app_passwords.expired"
	case store.MadeBeforeBinding:
		return "app_passwords.made_before_binding"
	}
	return "app_passwords.ended"
}
