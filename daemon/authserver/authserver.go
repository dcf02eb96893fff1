// Package authserver is the door that mail servers come to: it answers
// sasl/dovecot's questions with the mechanisms of package sasl and the verdicts
// of daemon/policy.
//
// A request stays on the connection's own goroutine from its line to its
// answer, unless it has to wait until a main password is hashed, or would have
// been; that alone is waited for in a goroutine, and the hasher's queue bounds
// how many of those there are.
package authserver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	gosasl "github.com/emersion/go-sasl"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

// Recorder takes the event of every verdict.
type Recorder interface {
	Login(store.Event)
}

// Rules are the part of the configuration that a reload may change.
type Rules struct {
	Mechanisms    []string // those offered, upper case
	DefaultDomain string   // for names without one
	Refusal       string   // the one sentence of every refusal
	FailureDelay  time.Duration
	Userdb        config.Userdb

	offered []sasl.Mechanism // the rows of Mechanisms, looked up once
}

// Accounts is where look-ups of users read. Both methods return an error for what
// they could not read, and store.ErrNoAccount only after the store said so.
type Accounts interface {
	AccountUserdb(ctx context.Context, name string) (*store.Account, []store.UserdbField, error)
	Addresses(ctx context.Context, after string, limit int) (page []string, next string, err error)
}

// Server answers logins and user look-ups. It is a dovecot.Backend and a
// dovecot.MasterBackend with all its add-ons.
type Server struct {
	policy   *policy.Policy
	accounts Accounts
	relay    *relay
	lists    chan struct{} // one in it for each list under way
	recorder Recorder
	log      *slog.Logger
	now      func() time.Time
	rules    atomic.Pointer[Rules]

	ctx  context.Context // of decisions: they outlive the connections that asked
	slow sync.WaitGroup  // decisions that wait for the hasher
}

var (
	_ dovecot.Backend       = (*Server)(nil)
	_ dovecot.MasterBackend = (*Server)(nil)
	_ dovecot.PassBackend   = (*Server)(nil)
	_ dovecot.ListBackend   = (*Server)(nil)
)

// New returns a Server. Decisions under way when ctx ends are given up as
// undecided.
func New(ctx context.Context, p *policy.Policy, accounts Accounts, r Recorder, rules Rules, now func() time.Time, log *slog.Logger) *Server {
	s := &Server{policy: p, accounts: accounts, relay: newRelay(), lists: make(chan struct{}, maxLists), recorder: r, log: log, now: now, ctx: ctx}
	s.SetRules(rules)
	return s
}

// SetRules replaces the rules, for requests that arrive from now on.
func (s *Server) SetRules(r Rules) {
	r.offered = nil
	for _, name := range r.Mechanisms {
		for _, m := range sasl.Mechanisms() {
			if m.Name == name {
				r.offered = append(r.offered, m)
			}
		}
	}
	s.rules.Store(&r)
}

// Wait blocks until no decision is under way. Call it when no new request can
// come any more.
func (s *Server) Wait() { s.slow.Wait() }

// Mechanisms returns the MECH lines of the mechanisms that are offered.
func (s *Server) Mechanisms() []dovecot.Mechanism {
	var list []dovecot.Mechanism
	for _, m := range s.rules.Load().offered {
		list = append(list, dovecot.Mechanism{Name: m.Name, Flags: m.Flags, ChannelBinding: m.Binds})
	}
	return list
}

// exchange is one request's mechanism, and what policy is told of what it handed
// over: one allocation for all. It is the mechanism's sasl.Env (env.go).
type exchange struct {
	s       *Server
	r       *dovecot.Request
	server  gosasl.Server
	done    bool            // attempt is whole
	binding string          // what the next challenge asks for
	ended   *policy.Verdict // decided before the client had said everything
	proven  *policy.Verdict // accepted, and the client has yet to say that it saw the server's proof
	attempt policy.Attempt
}

// Auth begins an exchange. A connection that is older than the last reload may
// still ask for a mechanism that is no longer offered.
func (s *Server) Auth(r *dovecot.Request) {
	for _, m := range s.rules.Load().offered {
		if m.Name == r.Mechanism {
			x := &exchange{s: s, r: r}
			x.server = m.New(x)
			r.State = x
			initial := r.Initial
			r.Initial = nil // an open exchange holds it no longer than it needs
			s.step(r, x, initial)
			return
		}
	}
	s.malformed(r)
}

// Continue goes on with one.
func (s *Server) Continue(r *dovecot.Request, response []byte) {
	s.step(r, r.State.(*exchange), response)
}

// step gives the mechanism one message. What it returns besides a challenge
// says nothing about the secret: only an attempt that was handed over is
// decided, and a mechanism that ends without one had nothing to decide.
func (s *Server) step(r *dovecot.Request, x *exchange, response []byte) {
	if x.proven != nil {
		s.confirm(r, x) // what the client says is of no interest
		return
	}
	challenge, done, err := x.server.Next(response)
	switch {
	case x.done:
		s.decide(r, x)
	case x.ended != nil:
		s.finish(r, &x.attempt.Facts, *x.ended)
	case done || err != nil:
		s.malformed(r)
	case x.binding != "":
		kind := x.binding
		x.binding = ""
		r.ChallengeBinding(challenge, kind)
	default:
		r.Challenge(challenge)
	}
}

// malformed refuses an exchange that ended without an attempt.
func (s *Server) malformed(r *dovecot.Request) {
	f := facts(r)
	s.finish(r, &f, policy.Verdict{Outcome: store.Rejected, Reason: store.ReasonMalformed})
}

// decide brings the attempt to policy.
func (s *Server) decide(r *dovecot.Request, x *exchange) {
	a := &x.attempt
	a.Facts = facts(r)
	v, slow := s.policy.Quick(s.ctx, a)
	if slow == nil && v.Outcome == store.Accepted && len(v.Final) > 0 && !r.FinalRespOK {
		s.recorder.Login(policy.Event(&a.Facts, &v, r.Received))
		x.proven = &v
		r.Challenge(v.Final)
		return
	}
	if slow == nil {
		s.finish(r, &a.Facts, v)
		return
	}
	within := r.Received.Add(policy.HashWithin(s.rules.Load().FailureDelay))
	s.slow.Go(func() {
		ctx, cancel := context.WithDeadline(s.ctx, within)
		defer cancel()
		s.finish(r, &a.Facts, slow.Wait(ctx))
	})
}

// confirm ends an exchange that was accepted, once the client has seen the server's
// proof. Account and credential are decided again: the client may have taken its
// time over it, and mail servers other than Dovecot ask nothing after the OK.
func (s *Server) confirm(r *dovecot.Request, x *exchange) {
	f, v := x.attempt.Facts, *x.proven
	v.Final = nil
	if again := s.policy.Again(s.ctx, v.Login); again.Outcome != store.Accepted {
		again.Name = v.Name
		s.finish(r, &f, again)
		return
	}
	s.reply(r, &v, v.Login.Credential())
}

// facts are what the mail server says besides who and what.
func facts(r *dovecot.Request) policy.Facts {
	return policy.Facts{
		Service:   r.Service,
		Mechanism: r.Mechanism,
		Addr:      r.RemoteIP,
		Secured:   r.Secured,
		Session:   r.Session,
		ClientID:  r.ClientID,
		Queue:     hasher.Mail,
	}
}

// prepare brings the identities that a client sent into the form that policy wants.
func (s *Server) prepare(sentName, sentAuthz string) (name, authz string) {
	domain := s.rules.Load().DefaultDomain
	name, _ = sasl.PrepareName(sentName, domain) // what cannot be prepared is nobody's name
	if sentAuthz == "" || sentAuthz == sentName {
		return name, ""
	}
	authz, err := sasl.PrepareName(sentAuthz, domain)
	if err != nil {
		authz = sentAuthz // equals no prepared name
	}
	return name, authz
}

// finish records the verdict and answers.
func (s *Server) finish(r *dovecot.Request, f *policy.Facts, v policy.Verdict) {
	ev := policy.Event(f, &v, r.Received)
	s.recorder.Login(ev)
	s.reply(r, &v, ev.Credential)
}
