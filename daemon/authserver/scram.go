package authserver

import (
	"github.com/latchkey-mail/latchkey/sasl"
)

var _ sasl.Env = (*exchange)(nil)

// Got takes the attempt.
func (x *exchange) Got(a sasl.Attempt) { x.got, x.done = a, true }

// Salt asks policy. A refusal that needs no proof, and a store that cannot answer,
// end the exchange here, at the age that all refusals have.
func (x *exchange) Salt(name, authz string) (sasl.Salt, bool) {
	a := &x.attempt
	a.Facts = facts(x.r)
	a.Name, a.Authz = x.s.prepare(name, authz)
	salt, verdict := x.s.policy.Salt(x.s.ctx, a, name)
	x.ended = verdict
	return salt, verdict == nil
}

// PlusOffered says whether the mail program can have seen a mechanism with channel
// binding. A mail server of KindLogin has one in its list, and shows it where the
// TLS connection ends in the mail server itself.
func (x *exchange) PlusOffered() bool {
	if !x.r.TLS || !x.r.ChannelBinding() {
		return false
	}
	for _, m := range x.s.rules.Load().offered {
		if m.Binds {
			return true
		}
	}
	return false
}

// AskBinding has the next challenge ask for the channel's binding data.
func (x *exchange) AskBinding(kind string) { x.binding = kind }

// Binding is what came of it.
func (x *exchange) Binding() []byte { return x.r.Binding }
