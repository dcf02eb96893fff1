package dovecot

import "errors"

var errNoList = errors.New("back end cannot list users")

// list answers LIST with a line for each user and one at the end. The connection
// reads nothing else until the list has been written, so there is one at a time,
// and no more of it waits in memory than pauseReading.
func (m *masterConn) list(args []byte) error {
	id, q, err := parseList(args)
	if err != nil {
		return err
	}
	q.Peer = m.peer
	whole := false
	if m.restricted.on {
		m.log.Warn("LIST on a socket of mode 0666 refused", "uid", m.peer.UID)
	} else {
		m.hurry(false)
		m.recovered(func() { whole = m.listAll(id, q) })
	}
	m.reply(func(out []byte) []byte { return appendDone(out, id, whole) })
	m.hurry(true)
	return nil
}

// listAll sends the names and says whether they are all.
func (m *masterConn) listAll(id uint32, q *ListQuery) bool {
	err := errNoList
	stopped := false
	if backend, ok := m.srv.Master.(ListBackend); ok {
		err = backend.List(m.ctx, q, func(user string) bool {
			stopped = stopped || !m.listed(id, q, user)
			return !stopped
		})
	}
	if err != nil {
		m.log.Error("list of users is not whole", "error", err)
	}
	return err == nil && !stopped
}

// listed sends one name that the mask does not leave out. It waits while the peer
// leaves too much unread, and returns false if there is no use in further names.
func (m *masterConn) listed(id uint32, q *ListQuery, user string) bool {
	matches := q.matches(user)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.roomLocked() {
		return false
	}
	if !matches {
		return true
	}
	out, err := appendListed(m.out, id, user)
	if m.out = out; err != nil {
		m.log.Error("name of a user cannot be sent", "error", err)
		return false
	}
	m.repliedLocked()
	return true
}

// hurry makes the peer keep to the time that a write may take, or lets it take as
// long as it likes, as Dovecot does while it sends a list: the one who reads it
// does the work of a night between two names. Before a peer is hurried again it
// gets what is ready.
func (m *masterConn) hurry(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for on && len(m.out)+m.unread > 0 && !m.closed {
		if m.writing {
			m.changed.Wait()
			continue
		}
		m.writing = true
		m.writeLocked()
	}
	m.unhurried = !on
}

// matches says whether the mask leaves a name in.
func (q *ListQuery) matches(user string) bool { return q.Mask == "" || matchMask(q.Mask, user) }

// matchMask compares as wildcard_match_icase of Dovecot does. When a character does
// not fit, the last * takes one more: no more steps than the product of the lengths.
func matchMask(mask, name string) bool {
	star, retry := -1, 0
	m, n := 0, 0
	for n < len(name) {
		switch {
		case m < len(mask) && mask[m] == '*':
			star, retry = m, n
			m++
		case m < len(mask) && (mask[m] == '?' || lowerASCII(mask[m]) == lowerASCII(name[n])):
			m++
			n++
		case star >= 0:
			retry++
			m, n = star+1, retry
		default:
			return false
		}
	}
	for m < len(mask) && mask[m] == '*' {
		m++
	}
	return m == len(mask)
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
