package dovecot

import (
	"context"
	"errors"
	"net"
	"time"
)

var errEnding = errors.New("connection is ending")

// requestState says what a request waits for.
type requestState uint8

const (
	asked      requestState = iota // the back end
	challenged                     // the client's response
	finalSent                      // the client's response to the last message; OK follows
	waiting                        // its time; the answer is decided
	done                           // nothing
)

// wanted says what the client's response to the last challenge has to be.
type wanted uint8

const (
	wantsResponse    wanted = iota // a response
	wantsBinding                   // a response and the channel binding
	wantsBindingOnly               // "#" and the channel binding
)

// Request is one exchange in the hands of a Backend. Its methods may be called
// from any goroutine. Between a Challenge and the Continue that follows it, and
// after OK, Fail or Drop, the back end must not read the fields.
type Request struct {
	Auth
	// Minor is the client's minor version: 0 and 1 are mail servers that know
	// temporary failures only as a closed connection, 2 and up Dovecot's logins.
	Minor uint32
	// Received is when the line that is being answered was read: AUTH, then each CONT.
	Received time.Time
	// Binding is the channel binding data that came with the response which is
	// being answered; nil if there was none or the last challenge asked for none.
	Binding []byte
	// State is the back end's own.
	State any

	c *clientConn

	// Guarded by c.mu.
	state    requestState
	answered bool // OK, Fail, TemporaryFailure or Drop has been called
	drop     bool // the answer is to close the connection
	wants    wanted
	due      time.Time // when it is given up; once it is waiting: when it leaves
	next     *Request  // in c.asked or c.waiting
	prev     *Request
	ctx      context.Context // made when somebody asks
	cancel   context.CancelFunc
	refusal  *Fail       // the answer, once Fail was called
	final    *OK         // of finalSent
	timer    *time.Timer // of waiting
	small    [96]byte    // room for a short initial response
}

// Context ends when the request does: answered, cancelled, expired, or its
// connection gone. It is made at the first call, as most requests are answered
// without one.
func (r *Request) Context() context.Context {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.ctx == nil {
		r.ctx, r.cancel = context.WithCancel(r.c.ctx)
		if r.state >= waiting {
			r.cancel()
		}
	}
	return r.ctx
}

// Listener is what Serve was given.
func (r *Request) Listener() net.Listener { return r.c.listener }

// RemoteAddr is the other end of the client's connection, not the mail program's address.
func (r *Request) RemoteAddr() net.Addr { return r.c.nc.RemoteAddr() }

// Peer is the process at the other end of the client's connection.
func (r *Request) Peer() Peer { return r.c.peer }

// BindingOffered says whether the client was told of a mechanism with channel
// binding.
func (r *Request) BindingOffered() bool {
	mechs := r.c.mechs // those with channel binding last, settled before the first request
	return len(mechs) > 0 && mechs[len(mechs)-1].ChannelBinding
}

// Challenge sends the mechanism's next message; the client's response comes to Backend.Continue.
func (r *Request) Challenge(data []byte) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mayChallengeLocked(r) {
		c.out = appendCont(c.out, r.ID, data)
		c.challengedLocked(r, wantsResponse)
	}
}

// ChallengeBinding is Challenge and asks the client for its TLS connection's channel
// binding data of that kind ("tls-exporter", say; RFC 5056): the Continue that
// follows finds it in Binding, nil if the client has none. With data nil, which is
// not empty, only the client is asked, not the mail program behind it, and the
// response is nil too (the client's answer to "#"). Clients before minor version 3
// do not know the question: it is logged and the request ends as a temporary failure.
func (r *Request) ChallengeBinding(data []byte, kind string) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.mayChallengeLocked(r):
	case c.minor < minorBinding || !isBindingKind(kind):
		c.log.Error("channel binding cannot be asked for", "id", r.ID, "minor", c.minor)
		r.answered = true
		c.temporaryLocked(r, "", time.Time{})
	case data == nil:
		c.out = appendContBinding(c.out, r.ID, nil, kind)
		c.challengedLocked(r, wantsBindingOnly)
	default:
		c.out = appendContBinding(c.out, r.ID, data, kind)
		c.challengedLocked(r, wantsBinding)
	}
}

// OK ends the request: the login passes. An answer that cannot be put into a line
// is logged and ends the request as a temporary failure.
func (r *Request) OK(ok OK) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answerLocked(r, "OK") {
		return
	}
	if len(ok.Final) > 0 && !r.FinalRespOK {
		later := ok
		if r.state == asked {
			c.thinking--
		}
		r.state, r.final = finalSent, &later
		c.out = appendCont(c.out, r.ID, ok.Final)
		c.repliedLocked()
		c.drainedLocked()
		return
	}
	c.acceptLocked(r, &ok, ok.Final)
}

// Fail ends the request: the login is refused, at f.At.
func (r *Request) Fail(f Fail) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answerLocked(r, "FAIL") {
		return
	}
	r.refusal = &f
	c.leaveAtLocked(r, f.At)
}

// TemporaryFailure ends the request with "nobody could tell" in the client's own
// language: code=temp_fail for Dovecot's logins (minor version 2 and up), as Fail
// does it; for Postfix and Exim, which read no code, the closed connection of
// Drop. user is the user's name if it is known; at is when it leaves, zero or
// past: now.
func (r *Request) TemporaryFailure(user string, at time.Time) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answerLocked(r, "temporary failure") {
		c.temporaryLocked(r, user, at)
	}
}

// Drop ends the request by closing its connection at the time given (zero or
// past: now), after all answers that are ready have been written; refusals that
// wait for their time leave with them. Other open requests of the connection end
// without an answer. A back end that could not tell says TemporaryFailure.
func (r *Request) Drop(at time.Time) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answerLocked(r, "drop") {
		return
	}
	r.drop = true
	c.leaveAtLocked(r, at)
}
