package doctor

import (
	"bytes"
	"strings"
)

// section is a section of Dovecot's configuration: "service imap-login { … }". The
// whole is one without kind and name.
type section struct {
	kind, name string
	settings   map[string]string
	sections   []*section
}

// doveconf is what doveconf -a or -n prints.
type doveconf struct {
	section
	version string // "2.3.19.1"
	file    string
	odd     int // lines that were not understood
}

const maxDepth = 32 // of sections in each other; Dovecot's own are 4 deep

// parseDoveconf reads what doveconf prints: comments, of which the first tells
// version and file, "key = value", "kind name {" and "}". What it does not
// understand it counts.
func parseDoveconf(text []byte) *doveconf {
	c := &doveconf{section: section{settings: map[string]string{}}}
	open := []*section{&c.section}
	for raw := range bytes.Lines(text) {
		line := strings.TrimSpace(string(raw))
		here := open[len(open)-1]
		key, value, assigns := strings.Cut(line, "=")
		head, opens := strings.CutSuffix(line, "{")
		switch {
		case line == "":
		case line[0] == '#':
			c.headline(line)
		case line == "}":
			if len(open) == 1 {
				c.odd++
				continue
			}
			open = open[:len(open)-1]
		case assigns && isWord(strings.TrimSpace(key)):
			here.settings[strings.TrimSpace(key)] = unquote(strings.TrimSpace(value))
		case opens && len(open) <= maxDepth:
			kind, name, _ := strings.Cut(strings.TrimSpace(head), " ")
			inner := &section{kind: kind, name: unquote(strings.TrimSpace(name)), settings: map[string]string{}}
			here.sections = append(here.sections, inner)
			open = append(open, inner)
		default:
			c.odd++
		}
	}
	c.odd += len(open) - 1
	return c
}

// headline reads "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf".
func (c *doveconf) headline(line string) {
	head, file, found := strings.Cut(strings.TrimSpace(line[1:]), ": ")
	version, _, _ := strings.Cut(head, " ")
	if c.version == "" && found && strings.HasPrefix(version, "2.") && strings.HasPrefix(file, "/") {
		c.version, c.file = version, file
	}
}

// isWord says whether a text may be the name of a setting.
func isWord(s string) bool {
	return s != "" && !strings.ContainsAny(s, " \t\"{}")
}

// unquote takes the quotes away that doveconf writes around some values.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
}

// list is the section's sections of a kind.
func (s *section) list(kind string) []*section {
	var all []*section
	for _, inner := range s.sections {
		if inner.kind == kind {
			all = append(all, inner)
		}
	}
	return all
}

// find is the section of a kind and name, or nil.
func (s *section) find(kind, name string) *section {
	for _, inner := range s.sections {
		if inner.kind == kind && inner.name == name {
			return inner
		}
	}
	return nil
}

// setting is a setting's value, or else by default.
func (s *section) setting(key, byDefault string) string {
	if s != nil {
		if value, found := s.settings[key]; found && value != "" {
			return value
		}
	}
	return byDefault
}

// is24 is true of Dovecot 2.4 and later, whose doveconf prints no defaults of
// services.
func (c *doveconf) is24() bool {
	return c.version != "" && !strings.HasPrefix(c.version, "2.3.") && !strings.HasPrefix(c.version, "2.2.")
}

// protocols are those that are switched on: "imap pop3", or in 2.4 a section of
// "imap = yes".
func (c *doveconf) protocols() []string {
	if list, found := c.settings["protocols"]; found {
		return strings.Fields(list)
	}
	var on []string
	for _, s := range c.list("protocols") {
		for name, value := range s.settings {
			if !strings.EqualFold(value, "no") {
				on = append(on, name)
			}
		}
	}
	return on
}
