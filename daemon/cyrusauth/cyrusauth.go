// Package cyrusauth is the door for servers that use Cyrus SASL (Cyrus IMAP,
// Sendmail, OpenLDAP, Postfix with smtpd_sasl_type = cyrus): it answers
// sasl/saslauthd's requests with the verdicts of daemon/policy.
//
// It says less than the Dovecot protocol does, and can be told less:
//
//   - Who asks does not say whether the secret came over TLS, so it counts as
//     not secured, and [auth] require_secured refuses everything here.
//   - Releases of Cyrus SASL up to 2.1.28 do not say where the person is. All
//     their requests count as one network: where main passwords are hashed, one
//     network may take up a share of the queue only, and all of them share that.
//   - The reply has no room for the account's one spelling. The server goes on
//     with the name as it was typed; Cyrus IMAP makes it lower case by itself
//     (username_tolower).
//   - The refusal's sentence is sent, and Cyrus SASL does not show it.
//
// An authorization identity never comes here: the server compares it by itself.
package cyrusauth

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl/saslauthd"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// mechanism stands in events. Which SASL mechanism the person's program used is
// not told; all that have a readable password come here.
const mechanism = "SASLAUTHD"

// Recorder takes the event of every verdict.
type Recorder interface {
	Login(store.Event)
}

// Rules are the part of the configuration that a reload may change.
type Rules struct {
	DefaultDomain string // for names without one
	Refusal       string // the one sentence of every refusal
	FailureDelay  time.Duration
}

// Server answers requests.
type Server struct {
	policy   *policy.Policy
	recorder Recorder
	rules    atomic.Pointer[Rules]
}

// New returns a Server.
func New(p *policy.Policy, r Recorder, rules Rules) *Server {
	s := &Server{policy: p, recorder: r}
	s.SetRules(rules)
	return s
}

// SetRules replaces the rules, for requests that arrive from now on.
func (s *Server) SetRules(r Rules) { s.rules.Store(&r) }

// Answer decides about one request; it is what a [saslauthd.Server] asks. It
// waits where a main password has to be hashed; what is not decided when ctx ends
// is given up as undecided.
func (s *Server) Answer(ctx context.Context, r *saslauthd.Request) saslauthd.Reply {
	rules := s.rules.Load()
	sent := &policy.Password{
		Name: fullName(r), Secret: secret.New(r.Password()), KeepsName: true,
		DefaultDomain: rules.DefaultDomain, Received: r.Received, FailureDelay: rules.FailureDelay,
		Facts: policy.Facts{Service: r.Service, Mechanism: mechanism, Addr: r.Remote.Addr(), Queue: hasher.Mail},
	}
	v := s.policy.DecidePassword(ctx, sent)
	s.recorder.Login(policy.Event(&sent.Facts, &v, r.Received))
	return reply(rules, r, &v)
}

// fullName puts login and realm together as "saslauthd -r" does. Cyrus SASL cuts
// a login at its last "@", so that of "a@b@c" comes as "a@b" and "c". It must not
// pass for "a@b", because the server goes on with the whole.
func fullName(r *saslauthd.Request) string {
	if r.Realm == "" {
		return r.Login
	}
	return r.Login + "@" + r.Realm
}

// reply is the one place where a verdict becomes an answer on the wire. All
// refusals carry the same sentence and leave at the same age. Undecided leaves at
// that age, too, and must not read as "wrong password".
func reply(rules *Rules, r *saslauthd.Request, v *policy.Verdict) saslauthd.Reply {
	at := r.Received.Add(rules.FailureDelay)
	switch v.Outcome {
	case store.Accepted:
		return saslauthd.Reply{Outcome: saslauthd.OK}
	case store.Rejected:
		return saslauthd.Reply{Outcome: saslauthd.No, Text: rules.Refusal, At: at}
	default:
		return saslauthd.Reply{At: at}
	}
}
