package config

import "errors"

// setRelay takes the path of a userdb socket, "" for none.
func setRelay(to *string, v value) error {
	if err := setFile(to, v); err != nil {
		return err
	}
	if len(*to) > 107 { // sun_path without its NUL
		return errors.New("is too long for a socket: at most 107 bytes")
	}
	return nil
}

// finish checks the relay against what else is in the file.
func (u *Userdb) finish(c *Config, given givenKeys, found *Problems) {
	if u.Relay == "" {
		return
	}
	line := given.line("userdb.relay")
	if u.UID != nil || u.GID != nil || u.Home != "" || u.Fields != nil {
		found.add(line, "userdb.relay", "all fields come from there: leave out uid, gid, home and fields")
	}
	own := c.SocketPaths()
	paths := []string{own.Client, own.Master, own.Userdb, own.Admin}
	for _, l := range c.Listeners {
		paths = append(paths, l.Path)
	}
	for _, path := range paths {
		if path == u.Relay {
			found.add(line, "userdb.relay", "is one of latchkey's own sockets")
			return
		}
	}
}
