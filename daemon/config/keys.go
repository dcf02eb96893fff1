package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// setter puts one value into a configuration, or says why it cannot.
type setter func(c *Config, v value) error

// keys is every key outside [[listener]] and [two_step.domains], in the order
// of the sample. A section is whatever stands before a key's last dot.
func keys() map[string]setter {
	return map[string]setter{
		"data_dir": func(c *Config, v value) error { return setDir(&c.DataDir, v) },
		"run_dir":  func(c *Config, v value) error { return setRunDir(&c.RunDir, v) },

		"log.level": func(c *Config, v value) error { return setLevel(&c.Log.Level, v) },

		"auth.mechanisms":      func(c *Config, v value) error { return setMechanisms(&c.Auth.Mechanisms, v) },
		"auth.default_domain":  func(c *Config, v value) error { return setDomain(&c.Auth.DefaultDomain, v) },
		"auth.failure_delay":   func(c *Config, v value) error { return setSpan(&c.Auth.FailureDelay, v, 0, Duration(3*second)) },
		"auth.refusal":         func(c *Config, v value) error { return setRefusal(&c.Auth.Refusal, v) },
		"auth.require_secured": func(c *Config, v value) error { return setBool(&c.Auth.RequireSecured, v) },
		"auth.hash_workers":    func(c *Config, v value) error { return setInt(&c.Auth.Workers, v, 0, 256) },

		"two_step.enforce_from": setEnforceFrom,
		"two_step.timezone":     func(c *Config, v value) error { return setTimezone(&c.TwoStep, v) },

		"userdb.uid":    func(c *Config, v value) error { return setID(&c.Userdb.UID, v) },
		"userdb.gid":    func(c *Config, v value) error { return setID(&c.Userdb.GID, v) },
		"userdb.home":   func(c *Config, v value) error { return setHome(&c.Userdb.Home, v) },
		"userdb.fields": func(c *Config, v value) error { return setFields(&c.Userdb.Fields, v) },

		"portal.url": func(c *Config, v value) error { return setURL(&c.Portal.URL, v) },

		"app_passwords.max_per_account": func(c *Config, v value) error { return setInt(&c.AppPasswords.Max, v, 1, 200) },

		"events.keep": func(c *Config, v value) error { return setSpan(&c.Events.Keep, v, Duration(day), Duration(3650*day)) },

		"admin.group": func(c *Config, v value) error { return setOwner(&c.Admin.Group, v) },
	}
}

// listenerKeys is every key of a [[listener]].
func listenerKeys() map[string]func(l *Listener, v value) error {
	return map[string]func(l *Listener, v value) error{
		"path":  func(l *Listener, v value) error { return setSocket(&l.Path, v) },
		"kind":  func(l *Listener, v value) error { return setKind(&l.Kind, v) },
		"owner": func(l *Listener, v value) error { return setOwner(&l.Owner, v) },
		"group": func(l *Listener, v value) error { return setOwner(&l.Group, v) },
		"mode":  func(l *Listener, v value) error { return setMode(&l.Mode, v) },
	}
}

const domainsSection = "two_step.domains"

// apply puts a whole document into c and collects what is wrong with it.
func (c *Config) apply(doc []entry, found *Problems) {
	known := keys()
	sections := map[string]bool{"listener": true, domainsSection: true}
	for path := range known {
		if dot := strings.LastIndexByte(path, '.'); dot > 0 {
			sections[path[:dot]] = true
		}
	}
	listeners := listenerSet{first: make(map[string]int)}
	unknown := "" // an unknown section is named once, not again for each of its keys
	for _, e := range doc {
		header := e.value.kind == unstable.Table || e.value.kind == unstable.ArrayTable
		switch set, ok := known[e.path]; {
		case unknown != "" && strings.HasPrefix(e.path, unknown+"."):
		case e.path == "listener" || strings.HasPrefix(e.path, "listener."):
			listeners.apply(e, found)
		case strings.HasPrefix(e.path, domainsSection+"."):
			found.check(e, setDomainDate(c, strings.TrimPrefix(e.path, domainsSection+"."), e.value))
		case ok:
			found.check(e, set(c, e.value))
		case header && sections[e.path]:
			if e.value.kind == unstable.ArrayTable {
				found.add(e.line, e.path, "is one section: write [%s]", e.path)
			}
		case sections[e.path]:
			found.add(e.line, e.path, "is a section: write [%s] and its keys below", e.path)
		case header:
			unknown = e.path
			found.add(e.line, e.path, "unknown section%s", suggest(e.path, sections))
		default:
			found.add(e.line, e.path, "unknown key%s", suggestKey(e.path, known))
		}
	}
	listeners.finish(c, found)
}

// check notes an error of a setter.
func (p *Problems) check(e entry, err error) {
	if err != nil {
		p.add(e.line, e.path, "%s", err)
	}
}
