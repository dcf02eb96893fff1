package sms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// HTTPOptions describe one request of any gateway. URL, header values and Body
// are templates: {{.To}}, {{.Text}}, {{.Code}}, {{.Minutes}}, {{.Purpose}},
// {{.Site}} and {{secret "name"}}, and nothing else. What they stand for is
// escaped for its place, so no text can become syntax: percent-encoded in the URL
// and in forms, as the inside of a JSON string (or, for Minutes, a JSON number) in
// JSON. Header values and the URL's path take no Text and no Site.
type HTTPOptions struct {
	Method      string // GET, POST or PUT; "": POST with a body, else GET
	URL         string // scheme and host are fixed
	Headers     []Header
	Body        string
	ContentType string            // of Body: JSON or a form; "": JSON if it begins with { or [, else a form
	Status      []int             // answers that mean "sent"; none: 200 to 299
	Match       string            // pattern (RE2) that the answer's first 64 KiB have to contain; "": any
	Secrets     map[string]string // name in templates -> file of one line
	AllowPlain  bool              // http:// to other hosts than this one
}

// Header is one header of a request.
type Header struct{ Name, Value string }

// httpSender is HTTPOptions, read.
type httpSender struct {
	gateway *gateway
	method  string
	url     template
	headers []headerTemplate
	body    *bodyTemplate // nil: none
	status  []int
	match   *regexp.Regexp // nil: any
	secrets map[string]string
}

type headerTemplate struct {
	name  string
	value template
}

// NewHTTP returns a Sender for a gateway that takes an HTTP request. Secrets are
// not read yet.
func NewHTTP(o HTTPOptions) (Sender, error) {
	s := &httpSender{secrets: maps.Clone(o.Secrets), status: slices.Clone(o.Status)}
	if err := errors.Join(s.setURL(o), s.setHeaders(o), s.setBody(o), s.setAnswer(o)); err != nil {
		return nil, err
	}
	return s, nil
}

// setURL reads the URL with two sets of values. Only what is fixed stays the same.
func (s *httpSender) setURL(o HTTPOptions) error {
	var err error
	if s.url, err = parseTemplate(o.URL, o.Secrets); err != nil {
		return err
	}
	text := s.url.render(values{}, func(string) string { return "x" })
	one, errOne := url.Parse(text)
	two, errTwo := url.Parse(s.url.render(values{}, func(string) string { return "y" }))
	if errOne != nil || errTwo != nil || one.Opaque != "" || !isHeaderValue(text) || strings.ContainsAny(text, " #") {
		return errors.New("sms: the URL cannot be read")
	}
	if one.Host != two.Host {
		return errors.New("sms: the URL's host has to be fixed")
	}
	if _, err := url.ParseQuery(one.RawQuery); err != nil {
		return errors.New("sms: the URL's query cannot be read")
	}
	if s.path().names("Text", "Site") {
		return errors.New("sms: the URL's path names .Text or .Site; put them into the query or the body")
	}
	s.gateway, err = newGateway(one, o.AllowPlain)
	return err
}

// path is the part of the URL before its query.
func (s *httpSender) path() template {
	end := slices.IndexFunc(s.url, func(p part) bool { return p.kind == literal && strings.Contains(p.text, "?") })
	if end < 0 {
		return s.url
	}
	return s.url[:end]
}

// ownHeaders are net/http's to set.
var ownHeaders = [...]string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Trailer", "Te", "Upgrade", "Expect"}

func (s *httpSender) setHeaders(o HTTPOptions) error {
	for _, h := range o.Headers {
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		if !isHeaderName(h.Name) || slices.Contains(ownHeaders[:], name) {
			return fmt.Errorf("sms: %q is no header to set", h.Name)
		}
		value, err := parseTemplate(h.Value, o.Secrets)
		if err != nil {
			return err
		}
		if !isHeaderValue(h.Value) || value.names("Text", "Site") {
			return fmt.Errorf("sms: the header %s holds more than ASCII", h.Name)
		}
		s.headers = append(s.headers, headerTemplate{name, value})
	}
	return nil
}

func (s *httpSender) setBody(o HTTPOptions) error {
	s.method = o.Method
	if o.Body == "" {
		if s.method == "" {
			s.method = http.MethodGet
		}
	} else {
		if s.method == "" {
			s.method = http.MethodPost
		}
		var err error
		if s.body, err = newBodyTemplate(o); err != nil {
			return err
		}
	}
	switch s.method {
	case http.MethodPost, http.MethodPut:
	case http.MethodGet:
		if s.body != nil {
			return errors.New("sms: a GET has no body")
		}
	default:
		return errors.New("sms: the method is none of GET, POST and PUT")
	}
	return nil
}

func (s *httpSender) setAnswer(o HTTPOptions) error {
	for _, status := range o.Status {
		if status < 200 || status > 599 {
			return fmt.Errorf("sms: %d is not the status of an answer", status)
		}
	}
	if o.Match == "" {
		return nil
	}
	var err error
	if s.match, err = regexp.Compile(o.Match); err != nil {
		return fmt.Errorf("sms: the pattern of the answer: %w", err)
	}
	return nil
}

// Send asks the gateway.
func (s *httpSender) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	v, err := s.values(m)
	if err != nil {
		return err
	}
	r, err := s.request(ctx, v)
	if err != nil {
		return err
	}
	status, body, err := s.gateway.ask(r)
	if err != nil {
		return err
	}
	return s.judge(status, body)
}

// values reads the secrets, too.
func (s *httpSender) values(m Message) (values, error) {
	v := values{secrets: map[string]string{}, fields: map[string]string{
		"To": m.To, "Text": m.Text(), "Code": string(m.Code[:]), "Minutes": strconv.Itoa(m.Minutes),
		"Purpose": string(m.Purpose), "Site": m.Site,
	}}
	for name, path := range s.secrets {
		var err error
		if v.secrets[name], err = readSecret(path); err != nil {
			return v, err
		}
	}
	return v, nil
}

// request fills the templates in. No error tells what with.
func (s *httpSender) request(ctx context.Context, v values) (*http.Request, error) {
	var body string
	if s.body != nil {
		body = s.body.render(v)
	}
	r, err := http.NewRequestWithContext(ctx, s.method, s.url.render(v, percentEncode), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("sms: no request can be made of the URL")
	}
	if s.body != nil {
		r.Header.Set("Content-Type", s.body.contentType)
	}
	for _, h := range s.headers {
		value := h.value.render(v, asIs)
		if !isHeaderValue(value) {
			return nil, fmt.Errorf("sms: a secret in the header %s is not ASCII", h.name)
		}
		r.Header.Add(h.name, value)
	}
	return r, nil
}

// judge tells whether the gateway has taken the message.
func (s *httpSender) judge(status int, body []byte) error {
	expected := status >= 200 && status <= 299
	if len(s.status) > 0 {
		expected = slices.Contains(s.status, status)
	}
	if !expected {
		return fmt.Errorf("%w: status %d", notTaken(status), status)
	}
	if s.match != nil && !s.match.Match(body) {
		return fmt.Errorf("%w: status %d, but the body is not as expected", ErrRefused, status)
	}
	return nil
}
