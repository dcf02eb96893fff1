package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
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
	TrustedProxies   []netip.Prefix // without TLS and off loopback only they may connect; their X-Forwarded-For is believed

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

// Trusts tells whether addr is that of a trusted proxy.
func (p Portal) Trusts(addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(p.TrustedProxies, func(proxy netip.Prefix) bool { return proxy.Contains(addr) })
}

// maxHost is how long a host may be that stands in for the site's name.
const maxHost = 64

// finish checks what more than one key says, and names the site.
func (p *Portal) finish(given givenKeys, found *Problems) {
	if p.SessionMax < p.SessionIdle && given.good("portal.session_idle", "portal.session_max") {
		found.add(given.line("portal.session_max", "portal.session_idle"), "portal.session_max",
			"is %s: wants at least session_idle, %s", p.SessionMax, p.SessionIdle)
	}
	p.checkCertificate(given, found)
	p.checkListen(given, found)
	u, err := url.Parse(p.URL)
	if p.Name != "" || p.URL == "" || err != nil {
		return
	}
	if len(u.Hostname()) > maxHost && given.good("portal.name") {
		found.add(given.line("portal.url"), "portal.name", "is missing, and the host of url is too long to stand in for it")
	}
	p.Name = u.Hostname()
}

// checkCertificate checks where the certificate comes from.
func (p *Portal) checkCertificate(given givenKeys, found *Problems) {
	pair := given.good("portal.certificate", "portal.key")
	switch {
	case p.Certificate != "" && p.Key == "" && pair:
		found.add(given.line("portal.certificate"), "portal.certificate", "wants key as well")
	case p.Certificate == "" && p.Key != "" && pair:
		found.add(given.line("portal.key"), "portal.key", "wants certificate as well")
	}
	if !p.ACME {
		return
	}
	line := given.line("portal.acme")
	if p.Certificate != "" || p.Key != "" {
		found.add(line, "portal.acme", "excludes certificate and key: leave out the one or the others")
	}
	if p.Listen == "" && given.good("portal.listen") {
		found.add(line, "portal.acme", "wants listen as well: the authority connects to the portal")
	}
	u, err := url.Parse(p.URL)
	if err != nil || !given.good("portal.url") {
		return
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Scheme != "https" || isLoopback(u.Hostname()) {
		found.add(line, "portal.acme", "wants a url that begins with https and names a host: the certificate is for that name")
	}
}

// checkListen sees to it that a password crosses no network in the clear.
func (p *Portal) checkListen(given givenKeys, found *Problems) {
	if p.Listen == "" {
		return
	}
	line := given.line("portal.listen")
	own := p.ACME || p.Certificate != "" || p.Key != "" || !given.good("portal.acme", "portal.certificate", "portal.key")
	host, _, _ := net.SplitHostPort(p.Listen)
	switch {
	case !given.good("portal.url", "portal.trusted_proxies"):
	case p.URL == "":
		found.add(line, "portal.listen", "wants url as well: the address that people type")
	case own && !p.Secure():
		found.add(line, "portal.listen", "is served with TLS: url has to begin with https")
	case own || len(p.TrustedProxies) > 0:
	case !isLoopback(host):
		found.add(line, "portal.listen", "would send passwords in the clear: wants certificate and key, or acme, "+
			`or an address of this machine such as "127.0.0.1:8080", or trusted_proxies, which then alone may connect`)
	case p.Secure():
		found.add(line, "portal.listen", "is without TLS, and url begins with https: "+
			`name the reverse proxy between them in trusted_proxies, such as ["127.0.0.1"], else all people have its address`)
	}
}
