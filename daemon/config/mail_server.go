package config

import "net/netip"

// MailServers is the section [mail_servers]: what people type into their mail
// programs. What is nil is not shown.
type MailServers struct {
	IMAP, POP3, SMTP *MailServer
}

// MailServer is one of [mail_servers.imap], [mail_servers.pop3] and
// [mail_servers.smtp].
type MailServer struct {
	Host       string // as written: a name or an address
	Port       int    // Load fills in the usual one
	Encryption string // "TLS" or "STARTTLS"
}

const mailServersSection = "mail_servers"

// usualPorts are those of RFC 8314 section 7 and of the protocols themselves.
func usualPorts() map[string]map[string]int {
	return map[string]map[string]int{
		"imap": {"TLS": 993, "STARTTLS": 143},
		"pop3": {"TLS": 995, "STARTTLS": 110},
		"smtp": {"TLS": 465, "STARTTLS": 587},
	}
}

func (s *MailServers) byName() map[string]**MailServer {
	return map[string]**MailServer{"imap": &s.IMAP, "pop3": &s.POP3, "smtp": &s.SMTP}
}

// mailServerKeys is every key of the three sections.
func mailServerKeys() map[string]setter {
	keys := make(map[string]setter)
	for name := range usualPorts() {
		server := func(c *Config) *MailServer {
			to := c.MailServers.byName()[name]
			if *to == nil {
				*to = &MailServer{Encryption: "TLS"}
			}
			return *to
		}
		section := mailServersSection + "." + name + "."
		keys[section+"host"] = func(c *Config, v value) error { return setHost(&server(c).Host, v) }
		keys[section+"port"] = func(c *Config, v value) error { return setInt(&server(c).Port, v, 1, 65535) }
		keys[section+"encryption"] = func(c *Config, v value) error {
			return setOneOf(&server(c).Encryption, v, "TLS", "STARTTLS")
		}
	}
	return keys
}

func setHost(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(s); err != nil {
		if _, err := domainName(s); err != nil {
			return err
		}
	}
	*to = s
	return nil
}

// finish fills in the ports, and names the sections without a host.
func (s *MailServers) finish(given givenKeys, found *Problems) {
	for name, server := range s.byName() {
		section := mailServersSection + "." + name
		host, port, encryption := section+".host", section+".port", section+".encryption"
		line := given.line(section, host, port, encryption)
		switch {
		case *server == nil && line == 0: // not in the file
		case *server == nil || (*server).Host == "" && given.good(host):
			found.add(line, section, "has no host")
		case (*server).Port == 0:
			(*server).Port = usualPorts()[name][(*server).Encryption]
		}
	}
}
