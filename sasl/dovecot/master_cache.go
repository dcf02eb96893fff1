package dovecot

// cacheFlush answers CACHE-FLUSH, by which an administrator has an auth server
// forget what it knows about the users that are named, or about all. Nothing is
// cached here, so what is asked next is looked up anew in any case, and the number
// of entries that were dropped is 0.
func (m *masterConn) cacheFlush(args []byte) error {
	id, _, _, err := parseID(args)
	if err != nil {
		return err
	}
	m.reply(func(out []byte) []byte {
		out = append(out, "OK\t"...)
		out = appendUint(out, id)
		return append(out, "\t0\n"...)
	})
	return nil
}
