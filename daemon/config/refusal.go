package config

// maxRefusal is the length that login processes carry without trouble.
const maxRefusal = 400

// Refusal is the one sentence that a mail program shows for every refusal:
// [auth] refusal if set, else one that names the portal if there is one. It is
// printable ASCII, at most 400 bytes, and does not begin with '[' (an IMAP
// server would take that for a response code, RFC 9051 section 7.1).
func (c *Config) Refusal() string {
	switch {
	case c.Auth.Refusal != "":
		return c.Auth.Refusal
	case c.Portal.URL != "":
		return "Sign-in refused. Check name and password; with two-step verification, mail programs need an app password: " + c.Portal.URL
	default:
		return "Sign-in refused. Check name and password; with two-step verification, mail programs need an app password."
	}
}
