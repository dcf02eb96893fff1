// Package nginxauth is the door for nginx as a mail proxy: it answers the HTTP
// requests of auth_http (ngx_mail_auth_http_module) with the verdicts of
// daemon/policy, and names the server that who got in is passed on to.
//
// The protocol is a request of headers and an answer of headers. nginx looks
// neither at the status of an answer nor at its body, keeps 1,024 bytes of its
// headers, and tells the person "internal server error" and hangs up where they
// hold neither an error nor a server. What that means here:
//
//   - Who asks decides whom it speaks for: Client-IP is believed. The socket's
//     owner and mode, and the secret in the header X-Auth-Key if there is one, say
//     who may ask. Who may not is told nothing that nginx could take for an answer.
//   - nginx takes AUTH PLAIN, AUTH LOGIN, and the protocols' own login commands
//     for itself and calls them all "plain". Everything else it offers, "none" too,
//     needs something that latchkey does not have, and is refused.
//   - An authorization identity never comes here: nginx drops it.
//   - nginx escapes bytes up to 0x20 and "%", but not 0x7f, at which net/http
//     answers 400. No password of an account holds a control character.
//   - nginx logs in to the server behind it with the name of the answer and the
//     person's own password, except where it says XCLIENT. So that server may ask
//     latchkey again, and is told the same.
package nginxauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Recorder takes the event of every verdict.
type Recorder interface {
	Login(store.Event)
}

// Rules are the part of the configuration that a reload may change.
type Rules struct {
	DefaultDomain string // for names without one
	Refusal       string // the one sentence of every refusal
	FailureDelay  time.Duration
	Key           Key          // that X-Auth-Key must hold; zero: whoever reaches the socket may ask
	Upstreams     config.Nginx // where to send who got in
}

// Handler answers requests.
type Handler struct {
	policy   *policy.Policy
	recorder Recorder
	log      *slog.Logger
	rules    atomic.Pointer[Rules]
	warned   atomic.Int64 // when a stranger was last logged, Unix seconds

	deciding context.Context // of decisions: they outlive the connections that asked
	stopping chan struct{}   // closed at the stop: refusals leave at once
}

// New returns a Handler. Decisions under way when ctx ends are given up as
// undecided.
func New(ctx context.Context, p *policy.Policy, r Recorder, rules Rules, log *slog.Logger) *Handler {
	h := &Handler{policy: p, recorder: r, log: log, deciding: ctx, stopping: make(chan struct{})}
	h.SetRules(rules)
	return h
}

// SetRules replaces the rules, for requests that arrive from now on.
func (h *Handler) SetRules(r Rules) { h.rules.Store(&r) }

// ServeHTTP decides about one request and answers at the age that its answer has.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.recovered()
	received := time.Now()
	rules := h.rules.Load()
	if !rules.Key.opens(r.Header.Values(keyHeader)) {
		h.stranger(received)
		http.Error(w, "this is not for you", http.StatusForbidden)
		return
	}
	q := parse(r.Header)
	facts := policy.Facts{Service: q.protocol, Mechanism: q.mechanism, Addr: q.addr, Secured: q.secured, Queue: hasher.Mail}
	v := h.decide(rules, &q, facts, received)
	h.recorder.Login(policy.Event(&facts, &v, received))
	a := answer(rules, &q, &v)
	if v.Outcome == store.Accepted && a.server == nil {
		h.log.Error("nginx asks for a protocol that the configuration names no server for", "protocol", q.protocol)
	}
	if v.Outcome != store.Accepted && !h.waitUntil(r.Context(), received.Add(rules.FailureDelay)) {
		return
	}
	a.write(w)
}

// recovered logs where a request panicked, and ends its connection: nginx says
// "internal server error", which is no word on the password. What was panicked
// with may hold a secret.
func (h *Handler) recovered() {
	if what := recover(); what != nil {
		h.log.Error("nginxauth: panic", "type", fmt.Sprintf("%T", what), "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler)
	}
}

func (h *Handler) decide(rules *Rules, q *request, facts policy.Facts, received time.Time) policy.Verdict {
	if !q.plain {
		return policy.Verdict{Outcome: store.Rejected, Reason: store.ReasonMalformed}
	}
	return h.policy.DecidePassword(h.deciding, &policy.Password{
		Name: q.user, Secret: secret.New(q.password), Facts: facts,
		DefaultDomain: rules.DefaultDomain, Received: received, FailureDelay: rules.FailureDelay,
	})
}

// waitUntil waits for an answer's age, or for the stop; false: nginx is gone.
func (h *Handler) waitUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.stopping:
	case <-ctx.Done():
		return false
	}
	return true
}

// strangerEvery is how often a request without the secret is logged at most: it
// mostly is a mistake in nginx.conf, and comes with every login.
const strangerEvery = time.Minute

func (h *Handler) stranger(now time.Time) {
	last := h.warned.Load()
	if now.Unix()-last < int64(strangerEvery/time.Second) || !h.warned.CompareAndSwap(last, now.Unix()) {
		return
	}
	h.log.Warn("a request to the nginx door has not the secret of [nginx] secret_file: see auth_http_header in nginx.conf", "header", keyHeader)
}
