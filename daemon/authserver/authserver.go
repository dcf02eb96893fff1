// Package authserver is the door that mail servers come to: it answers
// sasl/dovecot's questions with the mechanisms of package sasl and the verdicts
// of daemon/policy.
//
// A request stays on the connection's own goroutine from its line to its
// answer, unless a main password has to be hashed; that alone is waited for in
// a goroutine, and the hasher's queue bounds how many of those there are.
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
	"github.com/latchkey-mail/latchkey/store/secret"
)

// minHashWithin is for an administrator who wants refusals at once: a hash must
// be possible all the same.
const minHashWithin = 500 * time.Millisecond

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
	AccountUserdb(ctx context.Context, address string) (*store.Account, []store.UserdbField, error)
	Addresses(ctx context.Context, after string, limit int) (page []string, next string, err error)
}

// Server answers logins and user look-ups. It is a dovecot.Backend and a
// dovecot.MasterBackend with all its add-ons.
type Server struct {
	policy   *policy.Policy
	accounts Accounts
	relay    *relay
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
	s := &Server{policy: p, accounts: accounts, relay: newRelay(), recorder: r, log: log, now: now, ctx: ctx}
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
		list = append(list, dovecot.Mechanism{Name: m.Name, Flags: m.Flags})
	}
	return list
}

// exchange is one request's mechanism, what it handed over, and what policy is
// told of that: one allocation for all.
type exchange struct {
	server  gosasl.Server
	got     sasl.Attempt
	done    bool // got is there
	attempt policy.Attempt
}

// Auth begins an exchange. A connection that is older than the last reload may
// still ask for a mechanism that is no longer offered.
func (s *Server) Auth(r *dovecot.Request) {
	for _, m := range s.rules.Load().offered {
		if m.Name == r.Mechanism {
			x := new(exchange)
			x.server = m.New(func(a sasl.Attempt) { x.got, x.done = a, true })
			r.State = x
			s.step(r, x, r.Initial)
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
	challenge, done, err := x.server.Next(response)
	switch {
	case x.done:
		s.decide(r, x)
	case done || err != nil:
		s.malformed(r)
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
	s.prepare(a, &x.got)
	v, slow := s.policy.Quick(s.ctx, a)
	if slow == nil {
		s.finish(r, &a.Facts, v)
		return
	}
	within := r.Received.Add(HashWithin(s.rules.Load().FailureDelay))
	s.slow.Go(func() {
		ctx, cancel := context.WithDeadline(s.ctx, within)
		defer cancel()
		s.finish(r, &a.Facts, slow.Wait(ctx))
	})
}

// HashWithin is how long a main password may wait for its hash, for a given age
// of refusals. It leaves time for the hash itself: an answer that came later than
// all others would tell that there is an account whose password was looked at.
func HashWithin(failureDelay time.Duration) time.Duration {
	return max(failureDelay*3/4, minHashWithin)
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

// prepare brings who and what into the form that policy wants.
func (s *Server) prepare(a *policy.Attempt, got *sasl.Attempt) {
	domain := s.rules.Load().DefaultDomain
	a.Secret = secret.New(got.Secret())
	a.Name, _ = sasl.PrepareName(got.Name, domain) // what cannot be prepared is nobody's name
	if got.Authz != "" && got.Authz != got.Name {
		authz, err := sasl.PrepareName(got.Authz, domain)
		if err != nil {
			authz = got.Authz // equals no prepared name
		}
		a.Authz = authz
	}
}

// finish records the verdict and answers.
func (s *Server) finish(r *dovecot.Request, f *policy.Facts, v policy.Verdict) {
	ev := event(f, &v, r.Received)
	s.recorder.Login(ev)
	s.reply(r, &v, ev.Credential)
}

// event is the record of a verdict. A name goes into it only if such an account
// exists: people type passwords into the name field.
func event(f *policy.Facts, v *policy.Verdict, at time.Time) store.Event {
	ev := store.Event{
		Time:      at,
		Kind:      store.EventLogin,
		Outcome:   v.Outcome,
		Reason:    v.Reason,
		Counted:   v.Counted,
		Service:   f.Service,
		Mechanism: f.Mechanism,
		Session:   f.Session,
		ClientID:  f.ClientID,
		Addr:      f.Addr,
		Network:   policy.Network(f.Addr),
		Secured:   f.Secured,
	}
	if v.Known {
		ev.AccountID, ev.Address = v.Login.Account, v.Login.Address
		if v.Outcome == store.Accepted || v.Login.AppPassword != (store.AppPasswordID{}) {
			ev.Credential = v.Login.Credential()
		}
	}
	return ev
}
