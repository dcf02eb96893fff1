package sms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// template is a text with placeholders. It has no conditions, functions or
// pipelines: all it can do is put an escaped value where a placeholder stands.
type template []part

// part is a literal text, or what a placeholder names.
type part struct {
	kind partKind
	text string // the literal, or the name
}

type partKind uint8

const (
	literal partKind = iota
	field            // {{.To}}
	secret           // {{secret "name"}}
)

// fields are the values of a message that a template may name.
var fields = [...]string{"To", "Text", "Code", "Minutes", "Purpose", "Site"}

// parseTemplate reads a template. secrets are the names that it may use.
func parseTemplate(text string, secrets map[string]string) (template, error) {
	var t template
	for text != "" {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			t = append(t, part{literal, before})
		}
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, errors.New("sms: template: a {{ has no }}")
		}
		p, err := parsePlaceholder(strings.TrimSpace(inside), secrets)
		if err != nil {
			return nil, err
		}
		t, text = append(t, p), after
	}
	return t, nil
}

func parsePlaceholder(inside string, secrets map[string]string) (part, error) {
	if name, ok := strings.CutPrefix(inside, "."); ok && slices.Contains(fields[:], name) {
		return part{field, name}, nil
	}
	if rest, ok := strings.CutPrefix(inside, "secret"); ok {
		name, quoted := strings.CutPrefix(strings.TrimSpace(rest), `"`)
		name, closed := strings.CutSuffix(name, `"`)
		if _, known := secrets[name]; quoted && closed && known {
			return part{secret, name}, nil
		}
		return part{}, fmt.Errorf("sms: template: {{%s}} names no secret", inside)
	}
	return part{}, fmt.Errorf(`sms: template: {{%s}} is none of {{.%s}} and {{secret "name"}}`, inside, strings.Join(fields[:], "}}, {{."))
}

// names reports whether a placeholder of the template is one of these fields.
func (t template) names(fields ...string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.kind == field && slices.Contains(fields, p.text) })
}

// values says what the placeholders stand for.
type values struct{ fields, secrets map[string]string }

// render puts escaped values in.
func (t template) render(v values, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		switch p.kind {
		case field:
			b.WriteString(escape(v.fields[p.text]))
		case secret:
			b.WriteString(escape(v.secrets[p.text]))
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}
