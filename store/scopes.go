package store

import (
	"errors"
	"fmt"
	"strings"
)

// Scopes is a set of services that an app password opens.
type Scopes uint8

// The scopes, one bit each. Their values are on disk.
const (
	ScopeIMAP Scopes = 1 << iota
	ScopePOP3
	ScopeSMTP
	ScopeSieve

	// scopeOther stands for every service without a scope of its own. Only
	// ScopeAll has it: a password made for "imap" must not open a service that
	// nobody thought of when it was made.
	scopeOther Scopes = 1 << 7

	// ScopeAll opens every service, known and unknown.
	ScopeAll = Scopes(0xff)
)

// ServicePortal is the service of what people do at the portal, beside those that
// mail servers name.
const ServicePortal = "portal"

// ErrUnknownScope means that a list of scopes names something else, or nothing.
var ErrUnknownScope = errors.New("store: unknown scope")

// scopeNames gives each scope its text, in the order they are printed.
var scopeNames = [...]struct {
	scope Scopes
	name  string
}{{ScopeIMAP, "imap"}, {ScopePOP3, "pop3"}, {ScopeSMTP, "smtp"}, {ScopeSieve, "sieve"}}

// ScopeOf returns the scope that a login to service needs, by the names that
// mail servers send (Dovecot: src/auth/auth-request.h "service"; Cyrus' pop3d calls
// itself "pop"), without regard to ASCII case. A service it does not know needs ScopeAll.
func ScopeOf(service string) Scopes {
	switch {
	case strings.EqualFold(service, "imap"):
		return ScopeIMAP
	case strings.EqualFold(service, "pop3"), strings.EqualFold(service, "pop"):
		return ScopePOP3
	case strings.EqualFold(service, "smtp"), strings.EqualFold(service, "submission"):
		return ScopeSMTP
	case strings.EqualFold(service, "sieve"), strings.EqualFold(service, "managesieve"):
		return ScopeSieve
	}
	return scopeOther
}

// Covers reports whether have includes all of need. An empty need is covered by
// nothing: it can only come from a mistake.
func (have Scopes) Covers(need Scopes) bool { return need != 0 && have&need == need }

// ParseScopes reads "all" or a list like "imap,smtp"; anything else, the empty
// list too, is ErrUnknownScope.
func ParseScopes(list string) (Scopes, error) {
	if list == "all" {
		return ScopeAll, nil
	}
	var set Scopes
	for name := range strings.SplitSeq(list, ",") {
		scope := scopeNamed(strings.TrimSpace(name))
		if scope == 0 {
			return 0, fmt.Errorf("%w: want all, or some of imap, pop3, smtp, sieve", ErrUnknownScope)
		}
		set |= scope
	}
	return set, nil
}

func scopeNamed(name string) Scopes {
	for _, s := range scopeNames {
		if s.name == name {
			return s.scope
		}
	}
	return 0
}

// String returns the form that ParseScopes reads.
func (have Scopes) String() string {
	if have == ScopeAll {
		return "all"
	}
	var names []string
	for _, s := range scopeNames {
		if have&s.scope != 0 {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ",")
}

// MarshalText returns String's form.
func (have Scopes) MarshalText() ([]byte, error) { return []byte(have.String()), nil }

// UnmarshalText reads String's form.
func (have *Scopes) UnmarshalText(text []byte) error {
	set, err := ParseScopes(string(text))
	if err == nil {
		*have = set
	}
	return err
}
