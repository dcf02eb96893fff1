package config

import (
	"net/netip"
	"net/url"
)

// Portal is the section [portal]: the web pages where people bind their phone
// and make app passwords.
type Portal struct {
	URL  string // "" = none; https, or http on loopback
	Name string // of the site, on pages and in messages; Load fills in the host of URL

	Listen           string // host:port, "" = no portal is served
	Certificate, Key string // absolute; both or neither
	ACME             bool   // the certificate comes from an ACME authority
	ACMEEmail        string
	TrustedProxies   []netip.Prefix // only they may connect without TLS; their X-Forwarded-For is believed

	HelpText, HelpPhone string
	Language            string // "zh-CN" or "en", where the browser asks for neither

	SessionIdle, SessionMax Duration
	TrustFor                Duration // of a browser, from when it was trusted; 0: none is
	StepUp                  Duration // how long a passed second step is as good as a new one
}

func defaultPortal() Portal {
	return Portal{
		Language:    "zh-CN",
		SessionIdle: Duration(30 * minute),
		SessionMax:  Duration(12 * hour),
		TrustFor:    Duration(7 * day),
		StepUp:      Duration(10 * minute),
	}
}

// Secure tells whether browsers reach the portal by https.
func (p Portal) Secure() bool {
	u, err := url.Parse(p.URL)
	return err == nil && u.Scheme == "https"
}
