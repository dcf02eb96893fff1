package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxBody bounds what is sent to a gateway.
const maxBody = 8 << 10

func setBody(to *string, v value) error {
	s, err := v.asString()
	switch {
	case err != nil:
		return err
	case len(s) > maxBody:
		return fmt.Errorf("has %d bytes: at most %d", len(s), maxBody)
	}
	*to = s
	return nil
}

// setHeaders takes "Name: value" as a request has it (RFC 9110 section 5.1).
func setHeaders(to *[]SMSHeader, v value) error {
	list, err := v.asStrings()
	if err != nil {
		return err
	}
	if len(list) > 20 {
		return fmt.Errorf("has %d entries: at most 20", len(list))
	}
	token := regexp.MustCompile("^[-0-9A-Za-z!#$%&'*+.^_`|~]+$")
	var headers []SMSHeader
	for i, item := range list {
		name, text, found := strings.Cut(item, ":")
		text = strings.TrimSpace(text)
		if !found || !token.MatchString(name) || strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
			return fmt.Errorf(`entry %d is not of the form "Name: value", in ASCII`, i+1)
		}
		headers = append(headers, SMSHeader{name, text})
	}
	*to = headers
	return nil
}

// setSecret takes one row of secrets. The file is not read before it is used.
func setSecret(s *SMSSender, name string, v value) error {
	if len(name) > 32 || !regexp.MustCompile("^[a-z][a-z0-9_]*$").MatchString(name) {
		return errors.New("wants a name of a-z, 0-9 and _ that begins with a letter")
	}
	var path string
	if err := setDir(&path, v); err != nil {
		return errors.New("wants the absolute path of the file that holds the secret")
	}
	if s.Secrets == nil {
		s.Secrets = make(map[string]string)
	}
	s.Secrets[name] = path
	return nil
}

// checkGatewayURL checks a URL with placeholders: they may stand behind the host
// only.
func checkGatewayURL(s *SMSSender) error {
	if err := checkPlaceholders(s.URL, s.Secrets); err != nil {
		return err
	}
	fixed, _, _ := strings.Cut(s.URL, "{{")
	_, host, _ := strings.Cut(fixed, "://")
	if fixed != s.URL && !strings.ContainsAny(host, "/?") {
		return errors.New("has a placeholder in its host: where codes are sent is fixed")
	}
	u, err := webURL(placeholder().ReplaceAllLiteralString(s.URL, "x"))
	switch {
	case err != nil || u.Fragment != "":
		return errors.New(`wants an address such as "https://sms.example.org/send?to={{.To}}", in ASCII and without a password in it`)
	case u.Scheme == "http" && !s.AllowPlain && !isLoopback(u.Hostname()):
		return errors.New("must begin with https: codes and secrets would cross the network in the clear (allow_plain = true, if that is a safe one)")
	}
	return nil
}

// placeholder matches what the templates of a request may hold.
func placeholder() *regexp.Regexp {
	return regexp.MustCompile(`\{\{\s*(?:\.(?:To|Text|Code|Minutes|Purpose|Site)|secret\s*"([^"]+)")\s*\}\}`)
}

// checkPlaceholders names the first that does not exist.
func checkPlaceholders(text string, secrets map[string]string) error {
	for _, match := range placeholder().FindAllStringSubmatch(text, -1) {
		if _, known := secrets[match[1]]; match[1] != "" && !known {
			return fmt.Errorf("names the secret %q, which is not in secrets", match[1])
		}
	}
	if strings.Contains(placeholder().ReplaceAllLiteralString(text, ""), "{{") {
		return errors.New(`has an unknown placeholder: there are {{.To}}, {{.Text}}, {{.Code}}, {{.Minutes}}, {{.Purpose}}, {{.Site}} and {{secret "name"}}`)
	}
	return nil
}
