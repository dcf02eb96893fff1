package config

import (
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// listenerSet gathers the [[listener]] sections of a file.
type listenerSet struct {
	all   []Listener
	lines []int          // of each header
	paths []int          // of each path key, 0 = none
	bad   []bool         // its path or kind was given but is wrong: said already
	first map[string]int // path -> line of its first use
	said  bool           // that single brackets are wrong
	wrong string         // path of the key last reported: what is below it is not
}

// apply takes a header or a key below it.
func (s *listenerSet) apply(e entry, found *Problems) {
	if e.array < 0 {
		if !s.said {
			s.said = true
			found.add(e.line, e.path, "write each one as a section [[listener]], in double brackets")
		}
		return
	}
	if e.path == "listener" && e.value.kind == unstable.ArrayTable {
		s.all = append(s.all, Listener{Mode: 0o660})
		s.lines = append(s.lines, e.line)
		s.paths = append(s.paths, 0)
		s.bad = append(s.bad, false)
		return
	}
	if s.wrong != "" && strings.HasPrefix(e.path, s.wrong+".") {
		return
	}
	name := strings.TrimPrefix(e.path, "listener.")
	i := len(s.all) - 1
	set, ok := listenerKeys()[name]
	if !ok {
		s.wrong = e.path
		found.add(e.line, e.path, "unknown key%s", suggest(name, listenerKeys()))
		return
	}
	err := set(&s.all[i], e.value)
	found.check(e, err)
	if err != nil {
		s.wrong = e.path
	}
	if name == "path" {
		s.paths[i] = e.line
	}
	if err != nil && (name == "path" || name == "kind") {
		s.bad[i] = true
	}
}

// finish checks what needs the whole file: what is missing, what collides.
func (s *listenerSet) finish(c *Config, found *Problems) {
	defaults := c.SocketPaths()
	for i, l := range s.all {
		switch {
		case s.bad[i]:
			continue
		case l.Path == "":
			found.add(s.lines[i], "listener", "has no path")
		case l.Kind == "":
			found.add(s.lines[i], "listener", `has no kind: "client", "master", "userdb", "saslauthd" or "nginx"`)
		case l.Kind == KindSaslauthd && c.Auth.RequireSecured:
			found.add(s.lines[i], "listener", `of kind "saslauthd" would refuse everybody: that protocol cannot say that a secret came over TLS, and [auth] require_secured is true`)
		case l.Kind == KindNginx && !c.Nginx.any():
			found.add(s.lines[i], "listener", `of kind "nginx" has nobody to pass people on to: [nginx.imap], [nginx.pop3] or [nginx.smtp]`)
		}
		if l.Path == "" {
			continue
		}
		for _, taken := range []string{defaults.Client, defaults.Master, defaults.Userdb, defaults.Admin} {
			if l.Path == taken {
				found.add(s.paths[i], "listener.path", "is already a default socket of run_dir")
			}
		}
		if line, twice := s.first[l.Path]; twice {
			found.add(s.paths[i], "listener.path", "is already the path of the listener in line %d", line)
			continue
		}
		s.first[l.Path] = s.paths[i]
	}
	c.Listeners = s.all
}

// SocketPaths are the four sockets that every daemon has.
type SocketPaths struct{ Client, Master, Userdb, Admin string }

// SocketPaths names the four sockets below RunDir.
func (c *Config) SocketPaths() SocketPaths {
	in := func(name string) string { return filepath.Join(c.RunDir, name) }
	return SocketPaths{in("auth-client"), in("auth-master"), in("auth-userdb"), in("admin")}
}
