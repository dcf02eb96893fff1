package authserver

import (
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

// credentialField names the credential that a login used, in OK and in the
// reply to REQUEST. Dovecot keeps user_* fields of an OK as further names of
// the session, by which doveadm kick -f finds it.
const credentialField = "user_apw"

// reply is the one place where a verdict becomes an answer on the wire.
//
// All refusals carry the same sentence and leave at the same age, counted from
// the line that carried the last secret, so that neither the words nor the
// clock tell a wrong password from an unknown account or a bound phone.
// Undecided must not read as "wrong password", after which mail programs throw
// a saved password away: it is a temporary failure, in the client's own language.
//
// credential is the verdict's, as the event has it.
func (s *Server) reply(r *dovecot.Request, v *policy.Verdict, credential string) {
	rules := s.rules.Load()
	at := r.Received.Add(rules.FailureDelay)
	switch v.Outcome {
	case store.Accepted:
		r.OK(dovecot.OK{
			User:   v.Login.Address,
			Fields: []dovecot.Field{{Key: credentialField, Value: credential}},
			Final:  v.Final,
			Login:  handedOn{v.Login, r.Service, r.Session, r.LocalName, r.LocalIP, r.RemoteIP},
		})
	case store.Rejected:
		f := dovecot.Fail{User: v.Name, Reason: rules.Refusal, At: at}
		if v.Reason == store.ReasonAuthz {
			f.Code, f.Reason = dovecot.AuthzFail, "" // an app password would not help
		}
		r.Fail(f)
	default:
		r.TemporaryFailure(v.Name, at)
	}
}
