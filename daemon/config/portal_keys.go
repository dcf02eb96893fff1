package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// portalKeys is every key of [portal].
func portalKeys() map[string]setter {
	return map[string]setter{
		"portal.url":             func(c *Config, v value) error { return setURL(&c.Portal.URL, v) },
		"portal.name":            func(c *Config, v value) error { return setText(&c.Portal.Name, v, 16) },
		"portal.listen":          func(c *Config, v value) error { return setListen(&c.Portal.Listen, v) },
		"portal.certificate":     func(c *Config, v value) error { return setFile(&c.Portal.Certificate, v) },
		"portal.key":             func(c *Config, v value) error { return setFile(&c.Portal.Key, v) },
		"portal.acme":            func(c *Config, v value) error { return setBool(&c.Portal.ACME, v) },
		"portal.acme_email":      func(c *Config, v value) error { return setEmail(&c.Portal.ACMEEmail, v) },
		"portal.trusted_proxies": func(c *Config, v value) error { return setProxies(&c.Portal.TrustedProxies, v) },

		"portal.help_text":  func(c *Config, v value) error { return setText(&c.Portal.HelpText, v, 200) },
		"portal.help_phone": func(c *Config, v value) error { return setHelpPhone(&c.Portal.HelpPhone, v) },
		"portal.language":   func(c *Config, v value) error { return setOneOf(&c.Portal.Language, v, "zh-CN", "en") },

		"portal.session_idle": func(c *Config, v value) error {
			return setSpan(&c.Portal.SessionIdle, v, Duration(minute), Duration(12*hour))
		},
		"portal.session_max": func(c *Config, v value) error {
			return setSpan(&c.Portal.SessionMax, v, Duration(minute), Duration(7*day))
		},
		"portal.trust_for": func(c *Config, v value) error { return setSpan(&c.Portal.TrustFor, v, 0, Duration(90*day)) },
		"portal.step_up": func(c *Config, v value) error {
			return setSpan(&c.Portal.StepUp, v, Duration(minute), Duration(hour))
		},
	}
}

// maxURL keeps the sentence that names the portal within maxRefusal.
const maxURL = 200

var errURL = errors.New(`wants an address such as "https://mail.example.org/latchkey", in ASCII`)

func setURL(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if s == "" {
		*to = ""
		return nil
	}
	u, err := webURL(s)
	switch {
	case err != nil:
		return errURL
	case len(s) > maxURL:
		return fmt.Errorf("has %d characters: at most %d", len(s), maxURL)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return errors.New("must not have a ? or #: paths of pages are put behind it")
	case u.Path != "" && strings.TrimSuffix(u.Path, "/") != strings.TrimSuffix(path.Clean(u.Path), "/"):
		return errors.New("has a path that is not in its shortest form")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("must begin with https: passwords are typed there; http is for this machine only, as in http://localhost:8080")
	}
	*to = s
	return nil
}

// webURL reads an address of the web that names a host and no user.
func webURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	plain := !strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e })
	if err != nil || !plain || u.Hostname() == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errURL
	}
	if u.Port() != "" {
		if _, err := portNumber(u.Port()); err != nil {
			return nil, errURL
		}
	}
	return u, nil
}

// isLoopback tells whether a host is this machine: by its address, or by the one
// name that browsers take for it (RFC 6761 section 6.3).
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func setListen(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if s == "" {
		*to = ""
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New(`wants an address and a port such as "127.0.0.1:8080" or "[::1]:8080"; ":443" for all addresses`)
	}
	if _, err := portNumber(port); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		if _, err := domainName(host); err != nil {
			return err
		}
	}
	*to = s
	return nil
}

func portNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("wants a port from 1 to 65535")
	}
	return int(n), nil
}

func setEmail(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if parsed, err := mail.ParseAddress(s); s != "" && (err != nil || parsed.Address != s || len(s) > 254) {
		return errors.New(`wants a mail address such as "postmaster@example.org"`)
	}
	*to = s
	return nil
}

// maxProxies bounds what is looked at for every request.
const maxProxies = 64

func setProxies(to *[]netip.Prefix, v value) error {
	list, err := v.asStrings()
	if err != nil {
		return err
	}
	if len(list) > maxProxies {
		return fmt.Errorf("has %d entries: at most %d", len(list), maxProxies)
	}
	var prefixes []netip.Prefix
	for _, item := range list {
		prefix, err := addressPrefix(item)
		if err != nil {
			return err
		}
		prefixes = append(prefixes, prefix)
	}
	*to = prefixes
	return nil
}

// addressPrefix reads one address, or all that share its first bits.
func addressPrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	switch {
	case err != nil || prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf(`%q is not an address such as "192.0.2.1" or "2001:db8::/64"`, s)
	case prefix.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is everybody: who is trusted may claim any address", s)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length: %s is meant", s, prefix.Masked())
	}
	return prefix, nil
}

func setHelpPhone(to *string, v value) error {
	if err := setText(to, v, 40); err != nil {
		return err
	}
	if strings.Trim(*to, "0123456789+-()/ ") != "" {
		return errors.New("wants digits, blanks and + - ( ) / only")
	}
	return nil
}
