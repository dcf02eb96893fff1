package sms

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// percentEncode leaves letters, digits and "-_.~" as they are and writes all else
// as %XX (RFC 3986, section 2.1), which URLs and forms read alike.
func percentEncode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// jsonEscape is the inside of a JSON string (RFC 8259, section 7).
func jsonEscape(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return string(b.Bytes()[1 : b.Len()-2])
}

// asIs is for header values, which are checked instead.
func asIs(s string) string { return s }

// isHeaderValue is true for what a header carries without any doubt: printable
// ASCII (RFC 9110, section 5.5).
func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isHeaderName is true for a token (RFC 9110, section 5.6.2).
func isHeaderName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte("\"(),/:;<=>?@[\\]{}", s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}
