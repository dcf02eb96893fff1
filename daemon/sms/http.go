package sms

import (
	"context"
	"errors"
)

// HTTPOptions describe one request of any gateway. URL, header values and Body
// are templates: {{.To}}, {{.Text}}, {{.Code}}, {{.Minutes}}, {{.Purpose}},
// {{.Site}} and {{secret "name"}}, and nothing else. What they stand for is
// escaped for its place, so no text can become syntax: percent-encoded in the URL
// and in forms, as the inside of a JSON string (or, for Minutes, a JSON number) in
// JSON. Header values take no Text and no Site, which are not ASCII.
type HTTPOptions struct {
	Method      string // GET, POST or PUT; "": POST with a body, else GET
	URL         string // scheme and host are fixed
	Headers     []Header
	Body        string
	ContentType string            // of Body: JSON or a form; "": by its first character, "{" or "[" is JSON
	Status      []int             // answers that mean "sent"; none: 200 to 299
	Match       string            // pattern (RE2) that the answer's first 64 KiB have to contain; "": any
	Secrets     map[string]string // name in templates -> file
	AllowPlain  bool              // http:// to other hosts than this one
}

// Header is one header of a request.
type Header struct{ Name, Value string }

// NewHTTP returns a Sender for a gateway that takes an HTTP request.
func NewHTTP(o HTTPOptions) (Sender, error) { return nil, errors.New("not built yet") }

type notBuilt struct{}

func (notBuilt) Send(context.Context, Message) error { return errors.New("not built yet") }
