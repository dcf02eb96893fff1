package dovecot

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"
)

// masterConn is the server's end of a connection on a KindMaster or KindUserdb listener.
type masterConn struct {
	*conn
	kind       Kind
	since      time.Time
	restricted restriction

	versioned bool // of the reading goroutine
}

var _ speaker = (*masterConn)(nil)

func newMasterConn(c *conn, k Kind) *masterConn {
	m := &masterConn{conn: c, kind: k, since: time.Now()}
	if k == KindUserdb {
		m.restricted = restrict(c.listener, c.peer)
	}
	return m
}

// line dispatches one line. What a userdb socket does not offer is an unknown
// command there, as in auth_master_input_line.
func (m *masterConn) line(line []byte) error {
	command, args, more := cut(line)
	if !m.versioned {
		if _, err := parseVersion(args); string(command) != "VERSION" || err != nil {
			return fmt.Errorf("%s: %w", commandWord(command), errNoVersion)
		}
		m.versioned = true
		return nil
	}
	err := errCommand
	switch word := string(command); {
	case !more:
	case word == "REQUEST" && m.kind == KindMaster:
		err = m.request(args)
	case word == "USER":
		err = m.user(args)
	case word == "PASS":
		err = m.pass(args)
	case word == "LIST":
		err = m.list(args)
	case word == "CACHE-FLUSH" && m.kind == KindMaster:
		err = m.cacheFlush(args)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", commandWord(command), err)
	}
	return nil
}

// reply appends an answer.
func (m *masterConn) reply(add func(out []byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roomLocked()
	m.out = add(m.out)
	m.repliedLocked()
}

// request answers REQUEST: the post-login process has a mail program's connection
// and wants to know whose it is. Nothing but an OK that this server gave on the
// connection with that cookie, under that CPID and id, can answer; each only once.
func (m *masterConn) request(args []byte) error {
	q, err := parseRequest(args)
	if err != nil {
		return err
	}
	q.Peer = m.peer
	login, err := m.recall(&q)
	if err != nil {
		m.log.Warn("REQUEST refused", "client_pid", q.ClientPID, "client_id", q.ClientID, "cause", err)
		m.reply(func(out []byte) []byte { return appendMasterFail(out, q.id, "") })
		return nil
	}
	m.answer("USER", q.id, func() UserReply { return m.srv.Master.Request(m.ctx, login, &q.LoginQuery) })
	return nil
}

var (
	errNoLogin    = errors.New("no such login")
	errSessionPID = errors.New("session_pid is not the asking process")
)

// recall finds the login that a REQUEST is about. The cookie comes first: it is
// the secret that only the login process and those it hands logins to have seen, so
// whoever does not know it learns nothing about processes and ids. The session_pid
// check keeps a process from asking with another's hand-over
// (auth_request_handler_master_request); it needs a pid that both sides see.
func (m *masterConn) recall(q *loginRequest) (any, error) {
	if q.SessionPID != 0 && m.peer.PID != 0 && q.SessionPID != m.peer.PID {
		return nil, errSessionPID
	}
	var client *clientConn
	if q.hasCookie {
		client = m.srv.registry.find(q.cookie)
	}
	if client == nil {
		return nil, errNoLogin
	}
	return client.recall(q.ClientPID, q.ClientID, m.now)
}

// recall hands out what an OK left for REQUEST.
func (c *clientConn) recall(pid, id uint32, now time.Time) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.pid == 0 || c.pid != pid {
		return nil, errNoLogin
	}
	ok, found := c.remembered.take(id)
	if !found || now.Sub(ok.at) >= c.limits.request {
		return nil, errNoLogin
	}
	return ok.login, nil
}

// user answers a USER look-up.
func (m *masterConn) user(args []byte) error {
	id, q, err := parseUser(args)
	if err != nil {
		return err
	}
	q.Peer = m.peer
	m.answer("USER", id, func() UserReply {
		reply := m.srv.Master.User(m.ctx, q)
		if err := m.restricted.check(&reply); err != nil {
			m.log.Warn("look-up on a socket of mode 0666 refused", "uid", m.peer.UID, "cause", err)
			return UserReply{}
		}
		return reply
	})
	return nil
}

// check wants the uid= of an entry that was found to be the caller's own.
func (r restriction) check(reply *UserReply) error {
	if !r.on || reply.Outcome != Found {
		return nil
	}
	for _, f := range reply.Fields {
		if f.Key != "uid" {
			continue
		}
		if uid, err := strconv.ParseUint(f.Value, 10, 32); err != nil || uint32(uid) != r.uid {
			return errRestricted
		}
		return nil
	}
	return errRestricted
}

// answer asks the back end and sends what it says, as word if that is Found; a
// panic there is "could not tell".
func (m *masterConn) answer(word string, id uint32, ask func() UserReply) {
	var reply UserReply
	m.recovered(func() { reply = ask() })
	m.reply(func(out []byte) []byte {
		out, err := appendUser(out, word, id, &reply)
		if err != nil {
			m.log.Error("answer of the back end cannot be sent", "id", id, "error", err)
		}
		return out
	})
}

// recovered calls into the back end; a panic there is logged and no more.
func (m *masterConn) recovered(ask func()) {
	defer func() {
		if v := recover(); v != nil {
			m.log.Error("back end panicked", "panic", panicText(v), "stack", string(debug.Stack()))
		}
	}()
	ask()
}

// overdue is called for the handshake only.
func (m *masterConn) overdue(time.Time) error {
	if !m.versioned {
		return errHandshake
	}
	return nil
}

func (m *masterConn) dueLocked() time.Time {
	if !m.versioned {
		return m.since.Add(m.limits.handshake)
	}
	return time.Time{}
}

// stopLocked has nothing to wait for: a look-up in progress is part of a batch,
// whose end writes the answer. A list may go on for hours, and is cut off.
func (m *masterConn) stopLocked() {
	if m.unhurried {
		m.abortLocked(nil)
		return
	}
	m.endLocked(nil)
}

func (m *masterConn) forgetLocked() {}
