// Package sasl holds the server side of the SASL mechanisms (RFC 4422) that
// latchkey speaks, each in a file of its own, on the Server interface of
// github.com/emersion/go-sasl.
//
// A mechanism speaks, it does not judge: when the client has said everything,
// the mechanism hands one [Attempt] to the [Env] it was made with, and what
// becomes of it is decided elsewhere. An error returned by a mechanism's Next
// means that the client broke the mechanism's own grammar; it never means
// "wrong password". A mechanism that ends without having handed over an
// attempt has therefore had nothing to decide.
//
// The package knows neither sockets nor accounts.
package sasl

import (
	"errors"
	"strings"
	"unicode/utf8"

	gosasl "github.com/emersion/go-sasl"
)

// ErrMalformed says that the client's message does not follow the mechanism's
// grammar. It carries no part of the message.
var ErrMalformed = errors.New("sasl: malformed message")

// maxField bounds a user name or a secret, in bytes. RFC 4616 has no number;
// 1024 is four times the longest address that RFC 5321 section 4.5.3.1 allows
// and as much as the portal accepts for a password.
const maxField = 1024

// Attempt is what one finished exchange hands over: who the client says it is,
// and either a password or the proof that it knows one.
type Attempt struct {
	// Name is the authentication identity as the client sent it.
	Name string
	// Authz is the authorization identity as the client sent it, "" for none.
	Authz string
	// Secret returns the password. It is a function so that no print verb,
	// encoder or log handler can show what it holds. Nil with a Proof.
	Secret func() string
	// Proof is what SCRAM has instead of a password; else nil.
	Proof *SCRAMProof
}

// Env is what a mechanism knows of the exchange that it runs in.
type Env interface {
	// Got takes the attempt. A mechanism calls it at most once, with the
	// client's last message.
	Got(a Attempt)
	// Salt returns what SCRAM tells a client about a name as sent, which need
	// not be anybody's. False: the exchange is over, and what becomes of it has
	// been decided. authz is the authorization identity, "" for none.
	Salt(name, authz string) (Salt, bool)
	// PlusOffered says whether this client was offered a mechanism with channel
	// binding.
	PlusOffered() bool
	// AskBinding has the next challenge ask for the channel's binding data of
	// this kind; Binding returns what came of it, nil for none.
	AskBinding(kind string)
	Binding() []byte
}

// Mechanism is one row of the mechanism table.
type Mechanism struct {
	// Name is the registered name, in upper case.
	Name string
	// Flags are the words that describe the mechanism to a Dovecot auth
	// client: Postfix's smtpd_sasl_security_options and Dovecot's
	// disable_plaintext_auth filter by them (Dovecot src/auth/mech.c).
	Flags []string
	// Binds says that the mechanism binds to the client's TLS channel. It can be
	// offered only where the mail server hands the channel's data over.
	Binds bool
	// New starts an exchange.
	New func(Env) gosasl.Server
}

// Mechanisms returns the table, the most widely understood mechanism first.
func Mechanisms() []Mechanism {
	return []Mechanism{
		{Name: "PLAIN", Flags: []string{"plaintext"}, New: newPlain},
		{Name: "LOGIN", Flags: []string{"plaintext"}, New: newLogin},
		{Name: "SCRAM-SHA-256", Flags: []string{"mutual-auth"}, New: newSCRAM},
		{Name: "SCRAM-SHA-256-PLUS", Flags: []string{"mutual-auth"}, Binds: true, New: newSCRAMPlus},
	}
}

// Password is the attempt of a peer that speaks no mechanism: it hands over name
// and secret as they are. They are held to what PLAIN is held to; the error is
// [ErrMalformed].
func Password(name, secret string) (Attempt, error) { return attempt("", name, secret) }

// attempt checks what every mechanism with a readable password has to check
// before it may hand the pair over.
func attempt(authz, name, secret string) (Attempt, error) {
	for _, s := range [...]string{authz, name, secret} {
		if len(s) > maxField || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return Attempt{}, ErrMalformed
		}
	}
	if name == "" || secret == "" {
		return Attempt{}, ErrMalformed
	}
	return Attempt{Name: name, Authz: authz, Secret: func() string { return secret }}, nil
}
