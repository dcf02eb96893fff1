package locale

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// text is a sentence in pieces: words and placeholders by turns.
type text []piece

type piece struct {
	words     string
	name      string // of the placeholder; "" = words
	one, many string // of a placeholder that is a word: {name:one|many}
}

// parseText reads "You have {tries} {tries:try|tries} left".
func parseText(source string) (text, error) {
	var parsed text
	for source != "" {
		words, rest, open := strings.Cut(source, "{")
		if strings.Contains(words, "}") {
			return nil, errors.New("a } without its {")
		}
		if words != "" {
			parsed = append(parsed, piece{words: words})
		}
		if !open {
			break
		}
		inner, after, closed := strings.Cut(rest, "}")
		p, good := parsePlaceholder(inner)
		if !closed || !good {
			return nil, errors.New("a broken placeholder")
		}
		parsed, source = append(parsed, p), after
	}
	return parsed, nil
}

func parsePlaceholder(inner string) (piece, bool) {
	name, words, chooses := strings.Cut(inner, ":")
	p := piece{name: name}
	if chooses {
		var two bool
		if p.one, p.many, two = strings.Cut(words, "|"); !two || p.many == "" {
			return p, false
		}
	}
	return p, name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// Text is the text of key, with values put in by name: Text("left", "tries", 3).
// Values that the text has no use for are left out.
func (c *Catalog) Text(key string, values ...any) (string, error) {
	pieces, found := c.texts[key]
	if !found {
		return "", fmt.Errorf("%w: %q", ErrText, key)
	}
	var b strings.Builder
	for _, p := range pieces {
		if p.name == "" {
			b.WriteString(p.words)
			continue
		}
		value, given := lookUp(values, p.name)
		switch {
		case !given:
			return "", fmt.Errorf("%w: %q wants {%s}", ErrText, key, p.name)
		case p.many == "":
			fmt.Fprint(&b, value)
		case fmt.Sprint(value) == "1":
			b.WriteString(p.one)
		default:
			b.WriteString(p.many)
		}
	}
	return b.String(), nil
}

func lookUp(values []any, name string) (any, bool) {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == name {
			return values[i+1], true
		}
	}
	return nil, false
}

// Has says whether there is a text under key.
func (c *Catalog) Has(key string) bool {
	_, found := c.texts[key]
	return found
}

// Keys are all keys, sorted.
func (c *Catalog) Keys() []string {
	keys := make([]string, 0, len(c.texts))
	for key := range c.texts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Placeholders are the names that the text of key wants, sorted, each once.
func (c *Catalog) Placeholders(key string) []string {
	var names []string
	for _, p := range c.texts[key] {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
