package nginxauth

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// request is what nginx says of one login (ngx_mail_auth_http_create_request in
// src/mail/ngx_mail_auth_http_module.c).
type request struct {
	plain     bool   // there is one name and one password to look at
	mechanism string // for the event: "PLAIN", or what else nginx knows
	user      string
	password  string
	protocol  string // "imap", "pop3" or "smtp"; "" if it is none of them
	addr      netip.Addr
	secured   bool
	attempt   int // how many logins there were on the person's connection, from 1
}

// parse reads the headers of a request. It takes whatever comes: what makes no
// sense is no login by a password, and is refused.
func parse(h http.Header) request {
	q := request{protocol: protocol(one(h, "Auth-Protocol"))}
	q.mechanism, q.plain = method(one(h, "Auth-Method"))
	var good bool
	if q.user, good = unescaped(h, "Auth-User"); !good {
		q.plain = false
	}
	if q.password, good = unescaped(h, "Auth-Pass"); !good {
		q.plain = false
	}
	// "unix:" for a person on a socket of nginx's: that is no address.
	if addr, err := netip.ParseAddr(one(h, "Client-IP")); err == nil {
		q.addr = addr.Unmap().WithZone("")
	}
	q.secured = one(h, "Auth-SSL") == "on"
	q.attempt, _ = strconv.Atoi(one(h, "Auth-Login-Attempt"))
	return q
}

// one is a header's value if it stands there once, else "".
func one(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// unescaped is the value of a header that nginx escapes: each byte up to 0x20,
// and "%", as "%" and two hexadecimal digits (NGX_ESCAPE_MAIL_AUTH in
// src/core/ngx_string.c). All other bytes stand for themselves, those above
// 0x7f, too.
func unescaped(h http.Header, name string) (string, bool) {
	text, err := url.PathUnescape(one(h, name))
	return text, err == nil // the error would hold a part of the password
}

// method is the mechanism of an event, and whether it brings a readable password.
func method(name string) (mechanism string, plain bool) {
	switch name {
	case "plain":
		return "PLAIN", true
	case "apop":
		return "APOP", false
	case "cram-md5":
		return "CRAM-MD5", false
	case "external":
		return "EXTERNAL", false
	default: // "none" is SMTP without a login
		return "", false
	}
}

func protocol(name string) string {
	switch name {
	case "imap", "pop3", "smtp":
		return name
	default:
		return ""
	}
}
