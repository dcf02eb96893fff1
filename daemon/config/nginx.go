package config

import (
	"errors"
	"net/netip"
)

// Nginx is the section [nginx]: what nginx is told that asks at a listener of
// kind "nginx". A protocol that is nil is not passed on.
type Nginx struct {
	SecretFile       string // absolute; "": whoever reaches the socket may ask
	IMAP, POP3, SMTP *Upstream
}

// Upstream is one of [nginx.imap], [nginx.pop3] and [nginx.smtp]: the server
// behind nginx, to which it speaks without TLS.
type Upstream struct {
	Server netip.Addr // nginx looks no names up here
	Port   int        // Load fills in the usual one
}

const nginxSection = "nginx"

func (n *Nginx) byName() map[string]**Upstream {
	return map[string]**Upstream{"imap": &n.IMAP, "pop3": &n.POP3, "smtp": &n.SMTP}
}

// plainPorts are those of the protocols themselves.
func plainPorts() map[string]int { return map[string]int{"imap": 143, "pop3": 110, "smtp": 25} }

// any says whether there is a server to pass people on to.
func (n *Nginx) any() bool { return n.IMAP != nil || n.POP3 != nil || n.SMTP != nil }

// nginxKeys is every key of [nginx] and of the sections below it.
func nginxKeys() map[string]setter {
	keys := map[string]setter{
		"nginx.secret_file": func(c *Config, v value) error { return setFile(&c.Nginx.SecretFile, v) },
	}
	for name := range plainPorts() {
		to := func(c *Config) *Upstream {
			u := c.Nginx.byName()[name]
			if *u == nil {
				*u = new(Upstream)
			}
			return *u
		}
		section := nginxSection + "." + name + "."
		keys[section+"server"] = func(c *Config, v value) error { return setServer(&to(c).Server, v) }
		keys[section+"port"] = func(c *Config, v value) error { return setInt(&to(c).Port, v, 1, 65535) }
	}
	return keys
}

func setServer(to *netip.Addr, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" || addr.IsUnspecified() {
		return errors.New(`wants an IP address such as "127.0.0.1": nginx looks no names up here`)
	}
	*to = addr.Unmap()
	return nil
}

// finish fills in the ports, and names the sections without a server.
func (n *Nginx) finish(given givenKeys, found *Problems) {
	for name, upstream := range n.byName() {
		section := nginxSection + "." + name
		server, port := section+".server", section+".port"
		line := given.line(section, server, port)
		switch {
		case *upstream == nil && line == 0: // not in the file
		case *upstream == nil || !(*upstream).Server.IsValid() && given.good(server):
			found.add(line, section, "has no server")
		case (*upstream).Port == 0:
			(*upstream).Port = plainPorts()[name]
		}
	}
}
