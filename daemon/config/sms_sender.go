package config

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

const (
	senderSection = "sms.sender"
	maxSenders    = 5 // a person waits for all of them
)

// senderSet gathers the [[sms.sender]] sections of a file. Which keys one may
// have depends on its type, which may stand below them: so they are read at the
// end.
type senderSet struct {
	all  []senderText
	said bool // that single brackets are wrong
}

type senderText struct {
	line    int // of the header
	entries []entry
}

// any says whether the file has a sender, a right one or not.
func (s *senderSet) any() bool { return len(s.all) > 0 || s.said }

// add takes a header or a key below it.
func (s *senderSet) add(e entry, found *Problems) {
	switch {
	case e.array < 0:
		if !s.said {
			s.said = true
			found.add(e.line, e.path, "write each one as a section [[sms.sender]], in double brackets")
		}
	case e.path == senderSection && e.value.kind == unstable.ArrayTable:
		s.all = append(s.all, senderText{line: e.line})
	default:
		last := &s.all[len(s.all)-1]
		last.entries = append(last.entries, e)
	}
}

// finish reads the senders, and checks that their names tell them apart.
func (s *senderSet) finish(c *Config, found *Problems) {
	lines := make(map[string]int)
	for i, text := range s.all {
		if i == maxSenders {
			found.add(text.line, senderSection, "is one too many: at most %d are asked one after the other", maxSenders)
			break
		}
		sender := text.read(found)
		if line, twice := lines[sender.Name]; twice && sender.Name != "" {
			found.add(text.line, senderSection+".name", "is %q as that of the sender in line %d", sender.Name, line)
		}
		lines[sender.Name] = text.line
		c.SMS.Senders = append(c.SMS.Senders, sender)
	}
}

// read makes a sender of its section.
func (t senderText) read(found *Problems) SMSSender {
	s := SMSSender{}
	given := make(givenKeys)
	kind := t.kind()
	unknown := ""
	for _, e := range t.entries {
		name := strings.TrimPrefix(e.path, senderSection+".")
		set, types, known := findSenderKey(name)
		switch {
		case unknown != "" && strings.HasPrefix(name, unknown+"."):
		case !known:
			unknown = name
			found.add(e.line, e.path, "unknown key%s", suggest(name, senderKeys()))
		case kind != "" && len(types) > 0 && !slices.Contains(types, kind):
			unknown = name
			found.add(e.line, e.path, "is a key of type %s, not of %q", alternatives(types), kind)
		default:
			err := set(&s, e.value)
			found.check(e, err)
			given.note(e, err)
			if err != nil && e.value.kind == unstable.Table {
				unknown = name
			}
		}
	}
	if s.Name == "" {
		s.Name = s.Type
	}
	t.finish(&s, given, found)
	return s
}

// kind is the sender's type if it is one of the three.
func (t senderText) kind() string {
	for _, e := range t.entries {
		if e.path == senderSection+".type" && e.value.kind == unstable.String && slices.Contains(senderTypes(), e.value.text) {
			return e.value.text
		}
	}
	return ""
}

// finish checks what needs the whole sender.
func (t senderText) finish(s *SMSSender, given givenKeys, found *Problems) {
	at := func(key string) int { return given.line(senderSection + "." + key) }
	if at("type") == 0 {
		found.add(t.line, senderSection, "has no type: %s", alternatives(senderTypes()))
	}
	t.checkMissing(s, given, found)
	if s.Type != SMSHTTP {
		return
	}
	if s.URL != "" {
		if err := checkGatewayURL(s); err != nil {
			found.add(at("url"), senderSection+".url", "%s", err)
		}
	}
	for _, h := range s.Headers {
		if err := checkPlaceholders(h.Value, s.Secrets); err != nil {
			found.add(at("headers"), senderSection+".headers", "%q %s", h.Name, err)
		}
	}
	if err := checkPlaceholders(s.Body, s.Secrets); err != nil {
		found.add(at("body"), senderSection+".body", "%s", err)
	}
	if s.Method == "GET" && s.Body != "" {
		found.add(at("method"), senderSection+".method", "is GET, which carries no body")
	}
}

// checkMissing names the keys and templates that the type cannot do without. What
// was given but is wrong is not missing.
func (t senderText) checkMissing(s *SMSSender, given givenKeys, found *Problems) {
	var keys, templates []string
	for _, key := range requiredSenderKeys()[s.Type] {
		if given.line(senderSection+"."+key) == 0 {
			keys = append(keys, key)
		}
	}
	const table = senderSection + ".template"
	templated := s.Type == SMSAliyun || s.Type == SMSTencent
	switch {
	case !templated || !given.goodBelow(table):
	case s.Template == nil:
		keys = append(keys, "template")
	default:
		for _, purpose := range purposes() {
			if s.Template[purpose] == "" {
				templates = append(templates, purpose)
			}
		}
	}
	if len(keys) > 0 {
		found.add(t.line, senderSection, "lacks %s", joined(keys, "and"))
	}
	if len(templates) > 0 {
		found.add(given.lineBelow(table), table, "lacks %s", joined(templates, "and"))
	}
}
