package sasl

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
)

var (
	// ErrName says that a user name cannot be prepared: it is no address that
	// any account could have. It carries no part of the name, because people
	// type passwords into the name field.
	ErrName = errors.New("sasl: not a user name")
	// ErrLocalPart says that a new account's local part uses characters that
	// new accounts may not have.
	ErrLocalPart = errors.New("sasl: local part: use a-z 0-9 . _ + = - only, no dot at either end, no two in a row, and no - in front")
)

// Longest address, local part and domain, in bytes (RFC 5321 section 4.5.3.1).
const (
	maxAddress = 254
	maxLocal   = 64
	maxDomain  = 253
)

// PrepareName turns what a client sent as its user name into the one spelling
// under which the account is known: "user@domain" in lower case, full-width
// characters narrowed (the UsernameCaseMapped profile, RFC 8265 section 3.3),
// the domain as a lower-case A-label (RFC 5890). The mapping comes first and
// the split after it, so that a full-width "＠" cannot smuggle a second one in.
// A name without a domain gets defaultDomain, where one is set.
//
// Two "@", an empty side, or anything over RFC 5321's lengths is [ErrName].
func PrepareName(raw, defaultDomain string) (string, error) {
	if len(raw) > maxField {
		return "", ErrName
	}
	name := raw
	if !plainASCII(raw) {
		mapped, err := precis.UsernameCaseMapped.String(raw)
		if err != nil {
			return "", ErrName
		}
		name = mapped
	}
	local, domain, found := strings.Cut(name, "@")
	if !found {
		domain = defaultDomain
	}
	if local == "" || len(local) > maxLocal || domain == "" || strings.IndexByte(domain, '@') >= 0 {
		return "", ErrName
	}
	domain, err := PrepareDomain(domain)
	if err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxAddress {
		return "", ErrName
	}
	if len(name) == len(local)+1+len(domain) && strings.HasSuffix(name, domain) {
		return name, nil // nothing was changed: spare the copy
	}
	name = local + "@" + domain
	if !plainASCII(name) {
		// The profile judges the whole string (its Bidi Rule does, RFC 8265
		// section 3.3.2), and the domain has changed since.
		if mapped, err := precis.UsernameCaseMapped.String(name); err != nil || mapped != name {
			return "", ErrName
		}
	}
	return name, nil
}

// PrepareDomain returns a domain as a lower-case A-label, or [ErrName].
func PrepareDomain(domain string) (string, error) {
	if plainDomain(domain) {
		return domain, nil
	}
	d, err := idna.Lookup.ToASCII(strings.ToLower(domain))
	if err != nil || !plainDomain(d) && !strings.Contains(d, "xn--") || len(d) > maxDomain || d == "" {
		return "", ErrName
	}
	return d, nil
}

// CheckNewAddress says whether a prepared address may be given to a new
// account. It is stricter than [PrepareName]: what passes here can stand in a
// path or a template without a further thought. The error is [ErrName] or
// [ErrLocalPart].
func CheckNewAddress(prepared string) error {
	local, domain, found := strings.Cut(prepared, "@")
	if !found || local == "" || len(local) > maxLocal || len(prepared) > maxAddress {
		return ErrName
	}
	if d, err := PrepareDomain(domain); err != nil || d != domain {
		return ErrName
	}
	// A "-" in front would be an option to a script that forgets its "--".
	if local[0] == '-' || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return ErrLocalPart
	}
	for i := range len(local) {
		if !localByte(local[i]) {
			return fmt.Errorf("%w (character %d)", ErrLocalPart, i+1)
		}
	}
	return nil
}

// plainASCII says whether s consists of characters that the PRECIS profile
// maps to themselves whatever stands beside them, so that the profile, which
// costs a microsecond and several allocations, need not run.
func plainASCII(s string) bool {
	for i := range len(s) {
		if !localByte(s[i]) && s[i] != '@' {
			return false
		}
	}
	return s != ""
}

func localByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return true
	}
	return c == '.' || c == '_' || c == '+' || c == '=' || c == '-'
}

// plainDomain says whether s is a lower-case host name of letters, digits and
// inner hyphens (RFC 5890's LDH labels without "xn--" ones), which IDNA maps to
// itself.
func plainDomain(s string) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	label := 0 // bytes of the present label
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if label == 0 || label > 63 || s[i-1] == '-' {
				return false
			}
			label = 0
			continue
		}
		c := s[i]
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (c != '-' || label == 0) {
			return false
		}
		if label++; label == 4 && s[i-1] == '-' && c == '-' {
			return false // "??--" is reserved: IDNA has a word on it
		}
	}
	return true
}
