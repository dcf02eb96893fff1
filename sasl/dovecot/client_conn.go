package dovecot

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// clientConn is the server's end of a connection on a KindClient or KindLogin listener.
type clientConn struct {
	*conn
	handshake // as told to this client
	backend   Backend
	since     time.Time

	// Of the reading goroutine.
	versioned bool
	minor     uint32

	// Guarded by conn.mu.
	pid        uint32 // CPID, 0 until the handshake is done
	open       map[uint32]*Request
	asked      requestList // not decided, oldest AUTH first
	waiting    requestList // decided, waiting for their time, oldest first
	thinking   int         // requests of asked that the back end has to answer
	remembered remembered
	crowded    bool // the limit of open requests has been logged
}

var _ speaker = (*clientConn)(nil)

// line dispatches one line of a client.
func (c *clientConn) line(line []byte) error {
	command, args, _ := cut(line)
	if c.pid == 0 {
		return c.handshakeLine(command, args)
	}
	var err error
	switch string(command) {
	case "AUTH":
		err = c.auth(args)
	case "CONT":
		err = c.cont(args)
	case "CANCEL":
		err = c.cancelLine(args)
	default:
		err = errCommand
	}
	if err != nil && err != errEnding {
		return fmt.Errorf("%s: %w", commandWord(command), err)
	}
	return err
}

// handshakeLine takes VERSION and then CPID and nothing else (auth_client_input, auth_client_handshake_args).
func (c *clientConn) handshakeLine(command, args []byte) error {
	if !c.versioned {
		minor, err := parseVersion(args)
		if string(command) != "VERSION" || err != nil {
			return fmt.Errorf("%s: %w", commandWord(command), errNoVersion)
		}
		c.versioned, c.minor = true, minor
		if c.options.Kind == KindLogin {
			c.introduce()
		}
		return nil
	}
	field, _, _ := cut(args)
	pid, ok := parseUint32(field)
	if string(command) != "CPID" || !ok || pid == 0 {
		return fmt.Errorf("%s: %w", commandWord(command), errNoCPID)
	}
	c.mu.Lock()
	c.pid = pid
	c.mu.Unlock()
	return nil
}

// introduce says the rest of the handshake on a KindLogin listener, now that the
// client's version is known (auth_client_finish_handshake).
func (c *clientConn) introduce() {
	if c.minor < minorBinding {
		c.mechs = unbound(c.mechs)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = c.handshake.appendTo(c.out)
	c.repliedLocked()
}

// auth begins a request and hands it to the back end.
func (c *clientConn) auth(args []byte) error {
	id, rest, more, err := parseID(args)
	if err != nil {
		return err
	}
	r := &Request{Minor: c.minor, Received: c.now, c: c}
	r.ID = id
	if !more {
		return errMechanism
	}
	err = parseAuth(&r.Auth, rest, c.minor, c.mechs, r.small[:])
	if err != nil && err != errBase64 {
		return err
	}
	c.options.disbelieve(&r.Auth)
	if err := c.begin(r); err != nil {
		return err
	}
	if err == errBase64 {
		r.Fail(Fail{Code: InvalidBase64, Reason: "Invalid base64 data in initial response"})
		return nil
	}
	c.call(r, func() { c.backend.Auth(r) })
	return nil
}

// begin enters a request among the open ones.
func (c *clientConn) begin(r *Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.roomLocked() {
		return errEnding
	}
	if _, open := c.open[r.ID]; open {
		return errDuplicateID
	}
	// An id that is used anew says nothing about the login that had it before.
	c.remembered.drop(r.ID)
	if c.asked.n >= c.limits.open {
		c.giveUpLocked(c.asked.first)
	}
	r.due = r.Received.Add(c.limits.request)
	c.open[r.ID] = r
	c.asked.add(r)
	c.thinking++
	return nil
}

// giveUpLocked ends the oldest request to make room. Clients leave exchanges open
// (Postfix does at every "*" of an SMTP client), so the oldest is most likely one of
// those; Dovecot's logins, which keep theirs until they are answered, are told.
func (c *clientConn) giveUpLocked(r *Request) {
	if !c.crowded {
		c.crowded = true
		c.log.Warn("too many open requests: the oldest are given up", "max", c.limits.open)
	}
	if c.minor >= 2 {
		c.out = appendFail(c.out, r.ID, c.minor, &Fail{Code: TempFail})
	}
	c.finishLocked(r)
}

// cont hands the client's response to the back end.
func (c *clientConn) cont(args []byte) error {
	id, rest, more, err := parseID(args)
	if err != nil {
		return err
	}
	if !more {
		return errNoData
	}
	r, err := c.expect(id)
	if r == nil || err != nil {
		return err
	}
	data, binding, err := parseCont(rest, c.minor, r.wants)
	if err != nil {
		r.Fail(Fail{Code: InvalidBase64, Reason: "Invalid base64 data in continued response"})
		return nil
	}
	r.Binding = binding
	c.call(r, func() { c.backend.Continue(r, data) })
	return nil
}

// expect finds the request that a CONT is for. It returns nil if the answer has been given here.
func (c *clientConn) expect(id uint32) (*Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.roomLocked() {
		return nil, errEnding
	}
	c.expireLocked(c.now)
	r := c.open[id]
	switch {
	case r == nil:
		c.out = appendFail(c.out, id, c.minor, &Fail{Reason: "Authentication request timed out"})
		c.repliedLocked()
	case r.state == challenged:
		r.state, r.Received = asked, c.now
		c.thinking++
		return r, nil
	case r.state == finalSent:
		// The response to the mechanism's last message is of no interest (auth_request_continue).
		c.acceptLocked(r, r.final, nil)
	case r.state == asked:
		c.out = appendFail(c.out, id, c.minor, &Fail{Reason: "Unexpected continuation"})
		c.finishLocked(r)
		c.repliedLocked()
	}
	// What is left has been refused and waits for its time: the refusal is the
	// answer, and a CONT does not bring it forward.
	return nil, nil
}

// cancelLine forgets a request, or the login that it became.
func (c *clientConn) cancelLine(args []byte) error {
	id, _, _, err := parseID(args)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.roomLocked() {
		return errEnding
	}
	if r := c.open[id]; r != nil {
		c.finishLocked(r)
	}
	c.remembered.drop(id)
	if c.minor >= minorCancelled {
		c.out = appendCancelled(c.out, id)
		c.repliedLocked()
	}
	return nil
}

// call runs a method of the back end and turns its panic into a temporary failure of this request.
func (c *clientConn) call(r *Request, method func()) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("back end panicked", "panic", panicText(v), "stack", string(debug.Stack()))
			r.TemporaryFailure("", time.Time{})
		}
	}()
	method()
}

// panicText is what a log may show of a panic: the back end's own words may hold a secret.
func panicText(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T", v)
}

// overdue gives up exchanges that took too long. Nothing is sent: a later CONT is told.
func (c *clientConn) overdue(now time.Time) error {
	if c.pid == 0 {
		return errHandshake
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expireLocked(now)
	return nil
}

func (c *clientConn) expireLocked(now time.Time) {
	for r := c.asked.first; r != nil && !now.Before(r.due); r = c.asked.first {
		c.finishLocked(r)
	}
}

func (c *clientConn) dueLocked() time.Time {
	switch {
	case c.pid == 0:
		return c.since.Add(c.limits.handshake)
	case c.asked.first != nil:
		return c.asked.first.due
	}
	return time.Time{}
}

// stopLocked lets the waiting refusals go and ends the connection unless the back
// end is thinking. Exchanges that wait for their client are not waited for: some
// have been abandoned, and a restart must not take as long as those are kept.
func (c *clientConn) stopLocked() {
	for c.waiting.first != nil {
		c.leaveLocked(c.waiting.first)
	}
	c.drainedLocked()
}

func (c *clientConn) drainedLocked() {
	if c.stopping && c.thinking == 0 {
		c.endLocked(nil)
	}
}

// forgetLocked ends what is open without an answer; see dropLocked for what the back end learns.
func (c *clientConn) forgetLocked() {
	for _, list := range []*requestList{&c.asked, &c.waiting} {
		for list.first != nil {
			c.finishLocked(list.first)
		}
	}
	c.remembered = remembered{}
}
