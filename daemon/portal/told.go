package portal

import (
	"net/http"
	"slices"
	"time"
)

// toldFor is how long a sentence waits for the page that shows it.
const toldFor = time.Minute

// toldKeys are the sentences that a page may be sent on with. The list is
// closed: a cookie is what somebody else may have set.
func toldKeys() []string {
	return []string{
		"told.signed_out", "told.signed_out_everywhere", "told.timed_out",
		"told.code_sent", "told.code_over",
		"told.phone_bound", "told.phone_changed", "told.phone_unbound",
		"told.password_changed", "told.helpdesk_accepted",
		"told.app_password_revoked", "told.app_passwords_revoked",
		"told.device_untrusted", "told.device_deleted", "told.program_deleted",
	}
}

// redirectTold is redirect with a sentence that the next page shows once.
func (s *Server) redirectTold(w http.ResponseWriter, r *http.Request, path, key string) {
	s.setCookie(w, toldCookie, key, s.Now().Add(toldFor))
	s.redirect(w, r, path)
}

// takeTold is the sentence that the page before has sent along.
func (s *Server) takeTold(w http.ResponseWriter, r *http.Request) []message {
	key := s.readCookie(r, toldCookie)
	if key == "" || r.Method != http.MethodGet {
		return nil
	}
	s.dropCookie(w, toldCookie)
	if !slices.Contains(toldKeys(), key) {
		return nil
	}
	return []message{{Good: key != "told.code_over" && key != "told.timed_out", Key: key}}
}
