package portal

import (
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

const pathGuide = "/guide"

// guideRoutes say what to type where. Nothing in it is secret: who is signed out
// may read it, too.
func (s *Server) guideRoutes() []route {
	return []route{{method: http.MethodGet, path: pathGuide, who: stranger | inside, handle: s.showGuide}}
}

// guideView is the guide.
type guideView struct {
	Setup setupView
	Make  bool // the visitor may make an app password
}

// setupView is what people type into their mail programs.
type setupView struct {
	Address string // "" = signed out
	Servers []serverView
}

// serverView is one of the servers.
type serverView struct {
	Key        string // of what it is for
	Host       string
	Port       int
	Encryption string
}

func (s *Server) showGuide(w http.ResponseWriter, r *http.Request, v *visit) {
	s.render(w, r, http.StatusOK, "guide", guideView{Setup: s.setup(v), Make: v.stands() == inside && v.session.Bound})
}

// setup is what v's mail programs have to be told.
func (s *Server) setup(v *visit) setupView {
	var view setupView
	if v.session != nil {
		view.Address = v.session.Address
	}
	servers := s.Config().MailServers
	for _, of := range []struct {
		key    string
		server *config.MailServer
	}{{"setup.imap", servers.IMAP}, {"setup.pop3", servers.POP3}, {"setup.smtp", servers.SMTP}} {
		if of.server != nil {
			view.Servers = append(view.Servers, serverView{of.key, of.server.Host, of.server.Port, encryptionName(of.server.Encryption)})
		}
	}
	return view
}

// encryptionName is what mail programs call it.
func encryptionName(encryption string) string {
	if encryption == "TLS" {
		return "SSL/TLS"
	}
	return encryption
}
