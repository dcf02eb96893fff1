package sms

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
)

// templateIDs are the texts that a provider has approved, by purpose, and by
// purpose with "-en" for messages in English. The name and the rest of the sentence
// are in the template; of a message only code and minutes go out.
type templateIDs map[string]string

// newTemplateIDs wants one for each purpose. Those for English may be missing.
func newTemplateIDs(from map[string]string) (templateIDs, error) {
	ids := templateIDs{}
	for _, p := range purposes {
		for _, key := range []string{string(p), string(p) + "-en"} {
			if id := from[key]; id != "" {
				ids[key] = id
			}
		}
		if ids[string(p)] == "" {
			return nil, fmt.Errorf("sms: no template for %s", p)
		}
	}
	for key := range from {
		if ids[key] == "" {
			return nil, fmt.Errorf("sms: a template for %q, which is no purpose or has no id", key)
		}
	}
	return ids, nil
}

func (t templateIDs) of(m Message) string {
	if m.Language == English {
		if id := t[string(m.Purpose)+"-en"]; id != "" {
			return id
		}
	}
	return t[string(m.Purpose)]
}

// The values that a provider's template may hold.
const (
	paramCode    = "code"
	paramMinutes = "minutes"
)

// checkParams wants the code among them, and nothing twice.
func checkParams(params []string) error {
	for i, p := range params {
		if p != paramCode && p != paramMinutes || slices.Contains(params[:i], p) {
			return fmt.Errorf("sms: template parameters are %q and %q, each once", paramCode, paramMinutes)
		}
	}
	if !slices.Contains(params, paramCode) {
		return fmt.Errorf("sms: the template parameters have no %q", paramCode)
	}
	return nil
}

func (m Message) param(name string) string {
	if name == paramMinutes {
		return strconv.Itoa(m.Minutes)
	}
	return string(m.Code[:])
}

// newEndpoint reads an endpoint, which has neither path nor query.
func newEndpoint(text string) (*gateway, *url.URL, error) {
	at, err := url.Parse(text)
	if err != nil || at.Path != "" && at.Path != "/" || at.RawQuery != "" || at.Fragment != "" {
		return nil, nil, fmt.Errorf("sms: the endpoint is not https://host")
	}
	g, err := newGateway(at, false)
	return g, at, err
}
