package portal

import (
	"strings"

	"github.com/latchkey-mail/latchkey/store"
)

// scopeChoice is one thing that an app password may be for: sets that people
// have a use for, not every set that there is.
type scopeChoice struct {
	Value string // as [store.ParseScopes] has it
	Key   string // of the text
	Help  string // key of the explanation
}

func scopeChoices() []scopeChoice {
	return []scopeChoice{
		{"all", "scope.all", "scope.all_help"},
		{"imap,smtp", "scope.imap_smtp", "scope.imap_smtp_help"},
		{"pop3,smtp", "scope.pop3_smtp", "scope.pop3_smtp_help"},
		{"smtp", "scope.smtp", "scope.smtp_help"},
		{"imap,pop3", "scope.imap_pop3", "scope.imap_pop3_help"},
	}
}

// scopeKey is the text for a set of scopes; "" for one that only an
// administrator makes, which is shown as it is.
func scopeKey(set store.Scopes) string {
	for _, choice := range scopeChoices() {
		if choice.Value == set.String() {
			return choice.Key
		}
	}
	return ""
}

// serviceName is how people write what a mail server calls its service.
func serviceName(service string) string {
	switch s := strings.ToLower(service); s {
	case "imap", "pop3", "smtp":
		return strings.ToUpper(s)
	case "submission":
		return "SMTP"
	case "sieve", "managesieve":
		return "Sieve"
	default:
		return plain(service)
	}
}
