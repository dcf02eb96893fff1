package harness

import (
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// A verdict is why a login did not pass.
type verdict struct {
	code   string // of the FAIL; TempFail also if there was no answer at all
	reason string // for the person, on one line
	cause  error  // for the log, if there was no answer
}

func verdictOf(reply dovecot.Reply, err error) verdict {
	if err != nil || reply.Kind != dovecot.Refused {
		return verdict{code: dovecot.TempFail, cause: err}
	}
	return verdict{code: reply.Code, reason: printable(reply.Reason)}
}

// temporaryText is what people see while nobody can tell (client-common.h,
// AUTH_TEMP_FAILED_MSG).
const temporaryText = "Temporary authentication failure."

const failedText = "Authentication failed."

// imapError says it as imap-login does (imap-login/client-authenticate.c).
func (v verdict) imapError() error {
	code, text := imap.ResponseCodeAuthenticationFailed, failedText
	switch {
	case v.code == dovecot.TempFail:
		code, text = imap.ResponseCodeUnavailable, temporaryText
	case v.code == dovecot.AuthzFail:
		code, text = imap.ResponseCodeAuthorizationFailed, orElse(v.reason, "Authorization failed")
	case v.code == dovecot.PassExpired:
		code, text = imap.ResponseCodeExpired, orElse(v.reason, failedText)
	case strings.HasPrefix(v.reason, "["): // brings its own code
		code, text = "", v.reason
	case v.reason != "":
		code, text = imap.ResponseCodeAlert, v.reason
	}
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// smtpError says it as submission-login does (submission-login/client-authenticate.c).
func (v verdict) smtpError() error {
	if v.code == dovecot.TempFail {
		return &smtp.SMTPError{Code: 454, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: temporaryText}
	}
	return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: orElse(v.reason, failedText)}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// printable keeps a reason on its line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// logRefusal notes why a login failed, but not whose: the daemon's own log and
// events know that better.
func (s *Server) logRefusal(service, session string, v verdict) {
	if v.cause != nil {
		s.opts.Log.Warn("login not answered", "service", service, "session", session, "error", v.cause)
		return
	}
	s.opts.Log.Debug("login refused", "service", service, "session", session, "code", v.code)
}
