package dovecot

import "strings"

// pass answers a PASS look-up.
func (m *masterConn) pass(args []byte) error {
	id, q, err := parseUser(args)
	if err != nil {
		return err
	}
	q.Peer = m.peer
	m.answer("PASS", id, func() UserReply {
		backend, ok := m.srv.Master.(PassBackend)
		switch {
		case !ok:
			return UserReply{}
		case m.restricted.on:
			m.log.Warn("PASS on a socket of mode 0666 refused", "uid", m.peer.UID)
			return UserReply{}
		}
		reply := backend.Pass(m.ctx, q)
		for _, f := range reply.Fields {
			if Credential(f.Key) {
				m.log.Error("back end would have given a credential away", "field", f.Key)
				return UserReply{}
			}
		}
		return reply
	})
	return nil
}

// Credential says whether the name of a field is one of a password or of a secret
// in its place. It goes by the letters "pass", as Dovecot does when it keeps
// fields out of its log (auth_master_reply_hide_passwords).
func Credential(key string) bool { return strings.Contains(strings.ToLower(key), "pass") }
