package sms

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestParseTemplate(t *testing.T) {
	secrets := map[string]string{"key": "/a", "": "/b"}
	got, err := parseTemplate(`a{{.To}}{{ .Minutes }}}}{{secret "key"}} {{ secret  "key" }}z`, secrets)
	want := template{{literal, "a"}, {field, "To"}, {field, "Minutes"}, {literal, "}}"}, {secret, "key"}, {literal, " "}, {secret, "key"}, {literal, "z"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{
		"{{", "{{.To", "{{}}", "{{.}}", "{{.to}}", "{{To}}", "{{.To.Text}}", "{{.To | printf}}", "{{/* */}}", "{{if .To}}",
		`{{secret}}`, `{{secret key}}`, `{{secret "other"}}`, `{{secret "key}}`, `{{secret key"}}`, `{{secret "}}`, `{{secret "key" "key"}}`, "{{-.To}}", `{{secret .To}}`,
	} {
		if got, err := parseTemplate(text, secrets); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// print is the inverse of parseTemplate.
func (t template) print() string {
	var b strings.Builder
	for _, p := range t {
		switch p.kind {
		case field:
			b.WriteString("{{." + p.text + "}}")
		case secret:
			b.WriteString(`{{secret "` + p.text + `"}}`)
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

func FuzzParseTemplate(f *testing.F) {
	secrets := map[string]string{"key": "/a"}
	for _, seed := range []string{"", "a", "{{.To}}", `a{{secret "key"}}b{{ .Text }}`, "{{{.To}}}", "}}{{", `{"a":{"b":"{{.Code}}"}}`, "{{{{.To}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseTemplate(text, secrets)
		if err != nil {
			return
		}
		again, err := parseTemplate(parsed.print(), secrets)
		if err != nil || !slices.Equal(parsed, again) {
			t.Errorf("%q: %v, printed and parsed again %v, %v", text, parsed, again, err)
		}
		if !strings.Contains(text, "{{") && parsed.print() != text {
			t.Errorf("%q became %q", text, parsed.print())
		}
	})
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "a b+c%20&d=e", "登录验证码", `"\/<>`, "\x00\x1f\x7f\u2028\ufffd", "a\xffb", "x\r\nHost: y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := percentEncode(s)
		if got, err := url.PathUnescape(encoded); err != nil || got != s {
			t.Errorf("%q: %q is %q, %v", s, encoded, got, err)
		}
		if got, err := url.QueryUnescape(encoded); err != nil || got != s {
			t.Errorf("%q: %q is %q in a form, %v", s, encoded, got, err)
		}
		if strings.Trim(encoded, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%") != "" {
			t.Errorf("%q: %q has more than RFC 3986 allows", s, encoded)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+jsonEscape(s)+`"`), &back); err != nil || back != asText(s) {
			t.Errorf("%q: %q is %q, %v", s, jsonEscape(s), back, err)
		}
	})
}
