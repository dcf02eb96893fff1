package config

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// go-toml's decoder stops at the first value of a wrong type and forgets where
// the good values stood, so it cannot name all problems at once. Its parser
// can: the text is decoded once into nothing, which checks the grammar and
// finds keys given twice, then walked for its keys, lines and values.

// entry is one key of the file with its value, or one header of a section.
type entry struct {
	path  string // dotted: "auth.failure_delay"
	line  int
	array int // of a [[listener]] or [[sms.sender]]: which one, from 0; -1 elsewhere
	value value
}

// value is a value as it stands in the file.
type value struct {
	kind unstable.Kind // Table and ArrayTable for headers
	text string        // unescaped, of a scalar
	list []value       // of an array
}

// parseDocument lists the entries in the order of the file, nil if the text is
// not TOML.
func parseDocument(text []byte, found *Problems) []entry {
	var anything map[string]any
	if err := toml.Unmarshal(text, &anything); err != nil {
		var where *toml.DecodeError
		if !errors.As(err, &where) {
			found.add(0, "", "not a TOML file")
			return nil
		}
		line, _ := where.Position()
		found.add(line, strings.Join(where.Key(), "."), "%s", strings.TrimPrefix(where.Error(), "toml: "))
		return nil
	}
	w := walker{text: text, line: 1, array: -1, tables: make(map[string]int)}
	w.parser.Reset(text)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if w.parser.Error() != nil { // the decoder saw none, so neither may this
		found.add(0, "", "not a TOML file")
		return nil
	}
	return w.entries
}

// walker turns go-toml's expressions into entries.
type walker struct {
	parser  unstable.Parser
	text    []byte
	offset  int            // up to where line counts
	line    int            // 1-based
	section string         // of the header last seen
	array   int            // of the [[header]] last seen, else -1
	tables  map[string]int // how many [[header]]s of a name were seen
	entries []entry
}

func (w *walker) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		path, line := w.key("", n)
		w.section, w.array = path, w.arrayAround(path)
		if n.Kind == unstable.ArrayTable {
			w.array = w.tables[path]
			w.tables[path]++
		}
		w.entries = append(w.entries, entry{path, line, w.array, value{kind: n.Kind}})
	case unstable.KeyValue:
		w.keyValue(w.section, n)
	}
}

// arrayAround is which [[header]] a [header.section] belongs to: the last one
// seen, -1 if there is none.
func (w *walker) arrayAround(path string) int {
	for i, c := range path {
		if c == '.' && w.tables[path[:i]] > 0 {
			return w.tables[path[:i]] - 1
		}
	}
	return -1
}

// keyValue adds one key, or all keys of an inline table.
func (w *walker) keyValue(section string, n *unstable.Node) {
	path, line := w.key(section, n)
	if n.Value().Kind == unstable.InlineTable {
		w.entries = append(w.entries, entry{path, line, w.array, value{kind: unstable.Table}})
		for it := n.Value().Children(); it.Next(); {
			w.keyValue(path, it.Node())
		}
		return
	}
	w.entries = append(w.entries, entry{path, line, w.array, w.value(n.Value())})
}

// maxPath ends the path of a key that no file needs; the longest real one is a
// domain in [two_step.domains].
const maxPath = 320

// key is the dotted path of a header or a key, and its line.
func (w *walker) key(section string, n *unstable.Node) (string, int) {
	path, line := section, 0
	for it := n.Key(); it.Next(); {
		part := it.Node()
		if line == 0 {
			line = w.lineOf(int(part.Raw.Offset))
		}
		if len(path) > maxPath {
			return path[:maxPath] + "…", line
		}
		if path != "" {
			path += "."
		}
		path += keyPart(section, string(part.Data))
	}
	return path, line
}

// lineOf counts on from the key before, which stood further up.
func (w *walker) lineOf(offset int) int {
	if offset > w.offset {
		w.line += bytes.Count(w.text[w.offset:offset], []byte{'\n'})
		w.offset = offset
	}
	return w.line
}

// keyPart is one part of a path. One that a bare key could not be is quoted, so
// that "auth.refusal" = "…" is not taken for refusal in [auth] and no control
// character reaches a message; a domain keeps its dots.
func keyPart(section, part string) string {
	odd := func(r rune) bool { return r <= 0x20 || r > 0x7e || r == '.' || r == '"' }
	if section != domainsSection && strings.ContainsFunc(part, odd) || strings.ContainsFunc(part, unicode.IsControl) {
		return strconv.Quote(part)
	}
	return part
}

func (w *walker) value(n *unstable.Node) value {
	v := value{kind: n.Kind, text: string(n.Data)}
	if n.Kind == unstable.Array {
		for it := n.Children(); it.Next(); {
			v.list = append(v.list, w.value(it.Node()))
		}
	}
	return v
}

// asString, asInt, asBool, asStrings and asDate give the value if it is of
// that type, else an error that says what it should be.

func (v value) asString() (string, error) {
	if v.kind != unstable.String {
		return "", errors.New(`wants a text in quotes, not ` + v.article())
	}
	return v.text, nil
}

func (v value) asInt(low, high int64) (int64, error) {
	n, err := strconv.ParseInt(strings.ReplaceAll(v.text, "_", ""), 0, 64)
	if v.kind != unstable.Integer {
		return 0, errors.New("wants a whole number, not " + v.article())
	}
	if err != nil || n < low || n > high {
		return 0, errors.New("wants a whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10))
	}
	return n, nil
}

func (v value) asBool() (bool, error) {
	if v.kind != unstable.Bool {
		return false, errors.New("wants true or false, not " + v.article())
	}
	return v.text == "true", nil
}

func (v value) asStrings() ([]string, error) {
	if v.kind != unstable.Array {
		return nil, errors.New(`wants a list such as ["one", "two"], not ` + v.article())
	}
	all := make([]string, 0, len(v.list))
	for _, item := range v.list {
		s, err := item.asString()
		if err != nil {
			return nil, errors.New("wants a list of texts in quotes; one of them is " + item.article())
		}
		all = append(all, s)
	}
	return all, nil
}

func (v value) asDate() (Date, error) {
	if v.kind != unstable.LocalDate {
		return Date{}, errors.New("wants a date without quotes such as 2026-12-01, not " + v.article())
	}
	var d toml.LocalDate
	if err := d.UnmarshalText([]byte(v.text)); err != nil {
		return Date{}, errors.New("wants a date of the calendar such as 2026-12-01")
	}
	return ParseDate(d.String())
}

// article names the kind of the value for a person.
func (v value) article() string {
	switch v.kind {
	case unstable.String:
		return "a text"
	case unstable.Integer:
		return "a number"
	case unstable.Float:
		return "a fraction"
	case unstable.Bool:
		return "true or false"
	case unstable.Array:
		return "a list"
	case unstable.Table, unstable.ArrayTable, unstable.InlineTable:
		return "a section"
	default:
		return "a date or time"
	}
}
