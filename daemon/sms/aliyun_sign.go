package sms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// acs3Headers are the headers that ACS3-HMAC-SHA256 signs, by lower-case name and
// sorted.
type acs3Headers []struct{ name, value string }

func (h acs3Headers) names() string {
	var names []string
	for _, one := range h {
		names = append(names, one.name)
	}
	return strings.Join(names, ";")
}

func (h acs3Headers) value(name string) string {
	for _, one := range h {
		if one.name == name {
			return one.value
		}
	}
	return ""
}

// acs3Query is the canonical query, which is also the one that is sent.
func acs3Query(v url.Values) string {
	return strings.ReplaceAll(v.Encode(), "+", "%20")
}

// acs3Canonical is the canonical request of a call whose path is /.
func acs3Canonical(method, query string, headers acs3Headers) string {
	var b strings.Builder
	b.WriteString(method + "\n/\n" + query + "\n")
	for _, h := range headers {
		b.WriteString(h.name + ":" + h.value + "\n")
	}
	b.WriteString("\n" + headers.names() + "\n" + headers.value("x-acs-content-sha256"))
	return b.String()
}

// acs3Authorization signs a canonical request.
func acs3Authorization(id, key, canonical string, headers acs3Headers) string {
	signature := hex.EncodeToString(hmacSHA256([]byte(key), "ACS3-HMAC-SHA256\n"+hexSHA256(canonical)))
	return "ACS3-HMAC-SHA256 Credential=" + id + ",SignedHeaders=" + headers.names() + ",Signature=" + signature
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
