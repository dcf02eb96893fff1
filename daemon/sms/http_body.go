package sms

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// bodyTemplate is a body whose syntax is known, so that values can be escaped.
type bodyTemplate struct {
	template
	contentType string
	escape      func(string) string
}

func newBodyTemplate(o HTTPOptions) (*bodyTemplate, error) {
	t, err := parseTemplate(o.Body, o.Secrets)
	if err != nil {
		return nil, err
	}
	b := &bodyTemplate{template: t, contentType: o.ContentType}
	if b.contentType == "" {
		b.contentType = formType
		if strings.HasPrefix(o.Body, "{") && !strings.HasPrefix(o.Body, "{{") || strings.HasPrefix(o.Body, "[") {
			b.contentType = jsonType
		}
	}
	media, params, err := mime.ParseMediaType(b.contentType)
	if charset := params["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") || !isHeaderValue(b.contentType) {
		return nil, fmt.Errorf("sms: the content type %q is not of a body in UTF-8", b.contentType)
	}
	switch {
	case media == formType:
		b.escape = percentEncode
		return b, b.checkForm()
	case media == jsonType || strings.HasSuffix(media, "+json"):
		b.escape = jsonEscape
		return b, b.checkJSON()
	default:
		return nil, fmt.Errorf("sms: the content type %q is neither JSON nor a form", b.contentType)
	}
}

// checkJSON refuses a body whose placeholders stand outside of strings, or behind
// a backslash: there, no JSON has an x. Minutes are a number and may.
func (b *bodyTemplate) checkJSON() error {
	if !json.Valid([]byte(b.sample())) {
		return errors.New("sms: the body is not JSON with its placeholders inside of strings")
	}
	return nil
}

func (b *bodyTemplate) checkForm() error {
	if _, err := url.ParseQuery(b.sample()); err != nil {
		return errors.New("sms: the body is not a form")
	}
	return nil
}

// sample is the body with an x for each value, and 5 minutes.
func (b *bodyTemplate) sample() string {
	v := values{fields: map[string]string{"Minutes": "5"}}
	return b.template.render(v, func(s string) string { return cmp.Or(s, "x") })
}

func (b *bodyTemplate) render(v values) string { return b.template.render(v, b.escape) }
