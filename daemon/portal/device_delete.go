package portal

import (
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// saveUntrust lets a browser need a code again.
func (s *Server) saveUntrust(w http.ResponseWriter, r *http.Request, v *visit) {
	b, found := s.ownBrowser(w, r, v)
	if !found {
		return
	}
	if err := s.Accounts.Untrust(r.Context(), *v.session, b.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	s.redirectTold(w, r, pathDevices, message{Good: true, Key: "told.device_untrusted"})
}

// showDeleteDevice asks before a browser's sessions and its trust end.
func (s *Server) showDeleteDevice(w http.ResponseWriter, r *http.Request, v *visit) {
	if b, found := s.ownBrowser(w, r, v); found {
		s.render(w, r, http.StatusOK, "device_delete", viewBrowser(b, s.Now()))
	}
}

func (s *Server) saveDeleteDevice(w http.ResponseWriter, r *http.Request, v *visit) {
	b, found := s.ownBrowser(w, r, v)
	if !found {
		return
	}
	if err := s.Accounts.DeleteDevice(r.Context(), *v.session, b.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	next := pathDevices
	if b.Current { // the session that asked is gone, too
		next = pathSignIn
	}
	s.redirectTold(w, r, next, message{Good: true, Key: "told.device_deleted"})
}

// ownBrowser is the browser that the path names. One of somebody else is answered
// as if it did not exist; false: the answer was given.
func (s *Server) ownBrowser(w http.ResponseWriter, r *http.Request, v *visit) (accounts.BrowserDevice, bool) {
	id, err := store.ParseDeviceID(r.PathValue("id"))
	if err != nil {
		s.errorPage(w, r, http.StatusNotFound, "error.not_found")
		return accounts.BrowserDevice{}, false
	}
	devices, err := s.Accounts.OwnDevices(r.Context(), *v.session)
	if err != nil {
		s.fail(w, r, err)
		return accounts.BrowserDevice{}, false
	}
	for _, b := range devices.Browsers {
		if b.ID == id {
			return b, true
		}
	}
	s.errorPage(w, r, http.StatusNotFound, "error.not_found")
	return accounts.BrowserDevice{}, false
}

// showDeleteProgram says, before a mail program is deleted, that its app password
// ends: there is no other way to keep it out.
func (s *Server) showDeleteProgram(w http.ResponseWriter, r *http.Request, v *visit) {
	p, found := s.ownAppPassword(w, r, v)
	switch {
	case !found:
	case p.State != store.Live:
		s.redirect(w, r, pathDevices)
	default:
		s.render(w, r, http.StatusOK, "program_delete", viewAppPassword(p))
	}
}

func (s *Server) saveDeleteProgram(w http.ResponseWriter, r *http.Request, v *visit) {
	p, found := s.ownAppPassword(w, r, v)
	if !found {
		return
	}
	if err := s.Accounts.RevokeOwn(r.Context(), *v.session, p.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	s.redirectTold(w, r, pathDevices, message{Good: true, Key: "told.program_deleted"})
}
