package portal

import (
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// Names of cookies. Where browsers come by https they carry __Host- in front:
// then no other host of the domain can set one (RFC 6265bis, section 4.1.3.2).
const (
	sessionCookie  = "latchkey"
	deviceCookie   = "latchkey-device-" // and the account's id
	toldCookie     = "latchkey-told"
	languageCookie = "latchkey-language"
)

// maxCookie bounds a cookie's value; ours are far shorter.
const maxCookie = 256

// languageFor is how long a browser keeps the language that was chosen in it.
const languageFor = 365 * 24 * time.Hour

// cookieName is the name under which a cookie is set.
func (s *Server) cookieName(name string) string {
	if s.Config().Portal.Secure() {
		return "__Host-" + name
	}
	return name
}

// readCookie is a cookie's value, "" if none was sent.
func (s *Server) readCookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie. The zero until means: until the browser is closed.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, until time.Time) {
	c := &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true,
		Secure: s.Config().Portal.Secure(), SameSite: http.SameSiteLaxMode}
	if !until.IsZero() {
		c.Expires, c.MaxAge = until.UTC(), max(1, int(until.Sub(s.Now()).Seconds()))
	}
	http.SetCookie(w, c)
}

// dropCookie tells the browser to forget a cookie.
func (s *Server) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(name), Path: "/", MaxAge: -1, HttpOnly: true,
		Secure: s.Config().Portal.Secure(), SameSite: http.SameSiteLaxMode})
}

// deviceName is the cookie of this browser as a device of one account: a family
// may sign in to several in one browser.
func deviceName(account store.AccountID) string { return deviceCookie + account.String() }

// entered gives the browser what a step has made: the session's new token, the
// device's, and a visit that stands where the session now does.
func (s *Server) entered(w http.ResponseWriter, v *visit, e accounts.Entered) {
	s.setCookie(w, sessionCookie, e.Cookie.Value, time.Time{})
	if e.Device != nil {
		s.setCookie(w, deviceName(e.Session.Account), e.Device.Value, e.Device.Until)
	}
	v.session, v.cookie = &e.Session, e.Cookie.Value
}
