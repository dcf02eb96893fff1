package dovecot

import "time"

// requestList is a list of requests through their own next and prev.
type requestList struct {
	first, last *Request
	n           int
}

func (l *requestList) add(r *Request) {
	r.prev, r.next = l.last, nil
	if l.last == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
	l.n++
}

// insert puts r behind all that leave before it: by their time, and those of one
// time by their ids. Nearly always that is the end.
func (l *requestList) insert(r *Request) {
	before := l.last
	for before != nil && (before.due.After(r.due) || before.due.Equal(r.due) && before.ID > r.ID) {
		before = before.prev
	}
	if before == l.last {
		l.add(r)
		return
	}
	r.prev = before
	if before == nil {
		r.next, l.first = l.first, r
	} else {
		r.next, before.next = before.next, r
	}
	r.next.prev = r
	l.n++
}

func (l *requestList) remove(r *Request) {
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		l.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.next, r.prev = nil, nil
	l.n--
}

// mayChallengeLocked says whether a request is in the hands of the back end.
func (c *clientConn) mayChallengeLocked(r *Request) bool {
	if r.state != asked || r.answered || c.ending || c.closed {
		c.ignored(r, "challenge")
		return false
	}
	return true
}

// challengedLocked is called after a challenge was appended to out.
func (c *clientConn) challengedLocked(r *Request, wants wanted) {
	r.state, r.wants = challenged, wants
	c.thinking--
	c.repliedLocked()
	c.drainedLocked()
}

// answerLocked takes the one answer that a request has.
func (c *clientConn) answerLocked(r *Request, what string) bool {
	if r.answered || r.state == done || c.ending || c.closed {
		c.ignored(r, what)
		r.answered = true
		return false
	}
	r.answered = true
	return true
}

// ignored logs an answer that comes too late. That a request ended meanwhile is
// usual; that it is answered twice is a mistake of the back end.
func (c *clientConn) ignored(r *Request, what string) {
	if r.answered {
		c.log.Error("second answer ignored", "id", r.ID, "answer", what)
		return
	}
	c.log.Debug("answer ignored: the request has ended", "id", r.ID, "answer", what)
}

// acceptLocked sends OK and remembers it.
func (c *clientConn) acceptLocked(r *Request, ok *OK, resp []byte) {
	out, err := appendOK(c.out, r.ID, ok, resp)
	c.out = out
	if err != nil {
		c.log.Error("answer of the back end cannot be sent", "id", r.ID, "error", err)
		c.temporaryLocked(r, "", time.Time{})
		return
	}
	if ok.Login != nil && c.minor >= 2 {
		c.remembered.add(r.ID, r.Received, ok.Login)
	}
	c.finishLocked(r)
	c.repliedLocked()
}

func (c *clientConn) refuseLocked(r *Request, f *Fail) {
	c.out = appendFail(c.out, r.ID, c.minor, f)
	c.finishLocked(r)
	c.repliedLocked()
}

// temporaryLocked is TemporaryFailure for a request whose one answer has been taken.
func (c *clientConn) temporaryLocked(r *Request, user string, at time.Time) {
	if c.minor < 2 {
		r.drop = true
	} else {
		r.refusal = &Fail{User: user, Code: TempFail}
	}
	c.leaveAtLocked(r, at)
}

// dropLocked closes the connection after what is ready has been written. Exchanges
// that wait for their client end without a word to the back end, but for their
// context: nobody has tried a secret in them yet, so there is no verdict to tell.
// Those that the back end thinks about get theirs; it is only not sent.
func (c *clientConn) dropLocked(r *Request) {
	c.finishLocked(r)
	for c.waiting.first != nil {
		next := c.waiting.first
		if !next.drop {
			c.out = appendFail(c.out, next.ID, c.minor, next.refusal)
		}
		c.finishLocked(next)
	}
	c.endLocked(nil)
	for c.asked.first != nil {
		c.finishLocked(c.asked.first)
	}
}

// leaveAtLocked sends the answer of a decided request at its time, now if that is zero or past.
func (c *clientConn) leaveAtLocked(r *Request, at time.Time) {
	if at.IsZero() || !c.waitLocked(r, at) {
		c.leaveLocked(r)
	}
}

// waitLocked keeps a decided request until its time. It returns false if that has
// come. What is due leaves together and in the order of the ids: the order in
// which refusals were decided, or their timers fire, would tell which of them
// took longer to decide.
func (c *clientConn) waitLocked(r *Request, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 || c.stopping {
		return false
	}
	c.leaveListLocked(r)
	r.state, r.due = waiting, at
	// What waits is as small as can be, and holds no secret.
	r.Auth, r.State, r.Binding, r.small = Auth{ID: r.ID}, nil, nil, [len(r.small)]byte{}
	c.waiting.insert(r)
	r.endContextLocked()
	r.timer = time.AfterFunc(wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.state != waiting {
			return
		}
		for now := time.Now(); c.waiting.first != nil && !c.waiting.first.due.After(now); {
			c.leaveLocked(c.waiting.first)
		}
	})
	if c.waiting.n > c.limits.waiting {
		// Whoever makes that many refusals wait is guessing; the oldest leave early
		// rather than take memory without bound.
		c.leaveLocked(c.waiting.first)
	}
	c.drainedLocked()
	return true
}

// leaveLocked sends the answer of a decided request, a refusal or the end of the connection.
func (c *clientConn) leaveLocked(r *Request) {
	if r.drop {
		c.dropLocked(r)
		return
	}
	c.refuseLocked(r, r.refusal)
}

// finishLocked takes a request out of the connection, answered or not.
func (c *clientConn) finishLocked(r *Request) {
	c.leaveListLocked(r)
	r.state = done
	delete(c.open, r.ID)
	if r.timer != nil {
		r.timer.Stop()
	}
	r.endContextLocked()
	r.final, r.refusal = nil, nil
	c.drainedLocked()
}

// leaveListLocked takes a request out of the list of its state.
func (c *clientConn) leaveListLocked(r *Request) {
	switch r.state {
	case waiting:
		c.waiting.remove(r)
	case asked:
		c.asked.remove(r)
		c.thinking--
	case challenged, finalSent:
		c.asked.remove(r)
	}
}

func (r *Request) endContextLocked() {
	if r.cancel != nil {
		r.cancel()
	}
}
