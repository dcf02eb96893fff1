package authserver

import (
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store/secret"
)

var _ sasl.Env = (*exchange)(nil)

// Got takes the attempt.
func (x *exchange) Got(got sasl.Attempt) {
	a := &x.attempt
	a.Name, a.Authz = x.s.prepare(got.Name, got.Authz)
	if a.Proof = got.Proof; a.Proof == nil {
		a.Secret = secret.New(got.Secret())
	}
	x.done = true
}

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
// binding: the mail server was told of one, and shows it to those who come by TLS
// (Dovecot 2.4 sasl_server_filter_mech).
func (x *exchange) PlusOffered() bool { return x.r.TLS && x.r.BindingOffered() }

// AskBinding has the next challenge ask for the channel's binding data.
func (x *exchange) AskBinding(kind string) { x.binding = kind }

// Binding is what came of it.
func (x *exchange) Binding() []byte { return x.r.Binding }
