package harness

import (
	"errors"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

func TestVerdictWords(t *testing.T) {
	for _, test := range []struct {
		name       string
		reply      dovecot.Reply
		err        error
		imap, smtp string
	}{
		{"no reason", dovecot.Reply{}, nil, "NO [AUTHENTICATIONFAILED] Authentication failed.", "535 Authentication failed."},
		{"reason", dovecot.Reply{Reason: "T"}, nil, "NO [ALERT] T", "535 T"},
		{"reason with a code", dovecot.Reply{Reason: "[LIMIT] T"}, nil, "NO [] [LIMIT] T", "535 [LIMIT] T"},
		{"reason with line ends", dovecot.Reply{Reason: "T\r\na OK"}, nil, "NO [ALERT] T??a OK", "535 T??a OK"},
		{"temporary", dovecot.Reply{Code: dovecot.TempFail, Reason: "T"}, nil, "NO [UNAVAILABLE] Temporary authentication failure.", "454 Temporary authentication failure."},
		{"authorization", dovecot.Reply{Code: dovecot.AuthzFail}, nil, "NO [AUTHORIZATIONFAILED] Authorization failed", "535 Authentication failed."},
		{"expired", dovecot.Reply{Code: dovecot.PassExpired, Reason: "T"}, nil, "NO [EXPIRED] T", "535 T"},
		{"disabled", dovecot.Reply{Code: dovecot.UserDisabled, Reason: "T"}, nil, "NO [ALERT] T", "535 T"},
		{"no answer", dovecot.Reply{}, errAbandoned, "NO [UNAVAILABLE] Temporary authentication failure.", "454 Temporary authentication failure."},
		{"cancelled", dovecot.Reply{Kind: dovecot.Cancelled}, nil, "NO [UNAVAILABLE] Temporary authentication failure.", "454 Temporary authentication failure."},
		{"accepted, but no mailbox", dovecot.Reply{Kind: dovecot.Accepted}, errors.New("x"), "NO [UNAVAILABLE] Temporary authentication failure.", "454 Temporary authentication failure."},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := verdictOf(test.reply, test.err)
			var imapErr *imap.Error
			if !errors.As(v.imapError(), &imapErr) {
				t.Fatalf("%T", v.imapError())
			}
			if got := string(imapErr.Type) + " [" + string(imapErr.Code) + "] " + imapErr.Text; got != test.imap {
				t.Errorf("IMAP %q, want %q", got, test.imap)
			}
			var smtpErr *smtp.SMTPError
			if !errors.As(v.smtpError(), &smtpErr) {
				t.Fatalf("%T", v.smtpError())
			}
			if got := smtpErr.Error(); test.smtp[4:] != smtpErr.Message || (smtpErr.Code == 454) != (test.smtp[:3] == "454") {
				t.Errorf("SMTP %q, want %q", got, test.smtp)
			}
		})
	}
}
