package config

import (
	"maps"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// setter puts one value into a configuration, or says why it cannot.
type setter func(c *Config, v value) error

// keys is every key outside [[listener]], [[sms.sender]] and [two_step.domains].
// A section is whatever stands before a key's last dot.
func keys() map[string]setter {
	all := generalKeys()
	for _, more := range []map[string]setter{twoStepKeys(), portalKeys(), mailServerKeys(), smsKeys()} {
		maps.Copy(all, more)
	}
	return all
}

func generalKeys() map[string]setter {
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

		"userdb.uid":    func(c *Config, v value) error { return setID(&c.Userdb.UID, v) },
		"userdb.gid":    func(c *Config, v value) error { return setID(&c.Userdb.GID, v) },
		"userdb.home":   func(c *Config, v value) error { return setHome(&c.Userdb.Home, v) },
		"userdb.fields": func(c *Config, v value) error { return setFields(&c.Userdb.Fields, v) },

		"mail_sessions.cut": func(c *Config, v value) error { return setCommand(&c.MailSessions.Cut, v) },

		"app_passwords.max_per_account": func(c *Config, v value) error { return setInt(&c.AppPasswords.Max, v, 1, 200) },

		"events.keep": func(c *Config, v value) error { return setSpan(&c.Events.Keep, v, Duration(day), Duration(3650*day)) },

		"admin.group": func(c *Config, v value) error { return setOwner(&c.Admin.Group, v) },
	}
}

// listenerKeys is every key of a [[listener]].
func listenerKeys() map[string]func(l *Listener, v value) error {
	return map[string]func(l *Listener, v value) error{
		"path":    func(l *Listener, v value) error { return setSocket(&l.Path, v) },
		"address": func(l *Listener, v value) error { return setAddress(&l.Address, v) },
		"kind":    func(l *Listener, v value) error { return setKind(&l.Kind, v) },
		"owner":   func(l *Listener, v value) error { return setOwner(&l.Owner, v) },
		"group":   func(l *Listener, v value) error { return setOwner(&l.Group, v) },
		"mode":    func(l *Listener, v value) error { return setMode(&l.Mode, v) },

		"trust_rip":         func(l *Listener, v value) error { return setNot(&l.DistrustRIP, v) },
		"honour_no_penalty": func(l *Listener, v value) error { return setNot(&l.IgnoreNoPenalty, v) },
	}
}

const domainsSection = "two_step.domains"

// apply puts a whole document into c and collects what is wrong with it.
func (c *Config) apply(doc []entry, found *Problems) {
	known := keys()
	sections := sectionsOf(known)
	var listeners listenerSet
	senders := senderSet{}
	given := make(givenKeys)
	unknown := "" // an unknown section is named once, not again for each of its keys
	for _, e := range doc {
		header := e.value.kind == unstable.Table || e.value.kind == unstable.ArrayTable
		switch set, ok := known[e.path]; {
		case unknown != "" && strings.HasPrefix(e.path, unknown+"."):
		case within(e.path, "listener"):
			listeners.apply(e, found)
		case within(e.path, senderSection):
			senders.add(e, found)
		case strings.HasPrefix(e.path, domainsSection+"."):
			found.check(e, setDomainDate(c, strings.TrimPrefix(e.path, domainsSection+"."), e.value))
			given.note(e, nil)
		case ok:
			err := set(c, e.value)
			found.check(e, err)
			given.note(e, err)
			if err != nil && header {
				unknown = e.path
			}
		case header && sections[e.path]:
			given.note(e, nil)
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
	senders.finish(c, found)
	if c.Portal.Listen != "" && !senders.any() {
		c.TwoStep.checkRequired(doc, found)
	}
	c.finish(given, found)
}

// finish checks and fills in what needs more than one key.
func (c *Config) finish(given givenKeys, found *Problems) {
	c.TwoStep.finish(given, found)
	c.Portal.finish(given, found)
	c.MailServers.finish(given, found)
}

// sectionsOf lists the headers that may stand in double or single brackets.
func sectionsOf(known map[string]setter) map[string]bool {
	sections := map[string]bool{"listener": true, senderSection: true, domainsSection: true, mailServersSection: true}
	for path := range known {
		if dot := strings.LastIndexByte(path, '.'); dot > 0 {
			sections[path[:dot]] = true
		}
	}
	return sections
}

// within says whether a path is that of a section or below it.
func within(path, section string) bool {
	return path == section || strings.HasPrefix(path, section+".")
}

// check notes an error of a setter.
func (p *Problems) check(e entry, err error) {
	if err != nil {
		p.add(e.line, e.path, "%s", err)
	}
}
