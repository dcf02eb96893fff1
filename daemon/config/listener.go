package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// listenerSet gathers the [[listener]] sections of a file.
type listenerSet struct {
	all   []Listener
	lines []int            // of each header
	given []map[string]int // key -> line, of each section
	bad   []bool           // its path, address or kind was given but is wrong: said already
	said  bool             // that single brackets are wrong
	wrong string           // path of the key last reported: what is below it is not
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
		s.given = append(s.given, make(map[string]int))
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
	s.given[i][name] = e.line
	if err != nil {
		s.wrong = e.path
		if name == "path" || name == "address" || name == "kind" {
			s.bad[i] = true
		}
	}
}

// finish checks what needs the whole file: what is missing, what contradicts
// itself, what collides.
func (s *listenerSet) finish(c *Config, found *Problems) {
	for i := range s.all {
		l, given := &s.all[i], s.given[i]
		tcp := given["address"] > 0
		if tcp {
			l.Mode = 0
			l.DistrustRIP = l.DistrustRIP || given["trust_rip"] == 0
			l.IgnoreNoPenalty = l.IgnoreNoPenalty || given["honour_no_penalty"] == 0
		}
		switch {
		case s.bad[i]:
			continue
		case tcp && given["path"] > 0:
			found.add(s.lines[i], "listener", "has both a path and an address: it is one socket")
			continue
		case l.Place() == "":
			found.add(s.lines[i], "listener", "has no path and no address")
		case l.Kind == "":
			found.add(s.lines[i], "listener", "has no kind: %s", oneKind())
		case l.Kind == KindSaslauthd && c.Auth.RequireSecured:
			found.add(s.lines[i], "listener", `of kind "saslauthd" would refuse everybody: that protocol cannot say that a secret came over TLS, and [auth] require_secured is true`)
		case l.Kind == KindNginx && !c.Nginx.any():
			found.add(s.lines[i], "listener", `of kind "nginx" has nobody to pass people on to: [nginx.imap], [nginx.pop3] or [nginx.smtp]`)
		}
		s.checkKeys(i, found)
	}
	s.checkPlaces(c, found)
	c.Listeners = s.all
}

// checkKeys names keys that do not fit the listener's kind or place.
func (s *listenerSet) checkKeys(i int, found *Problems) {
	l, given := &s.all[i], s.given[i]
	if given["address"] > 0 {
		for _, key := range []string{"owner", "group", "mode"} {
			if line := given[key]; line > 0 {
				found.add(line, "listener."+key, "is for a socket with a path: who reaches an address is up to the network")
			}
		}
	}
	if l.Kind == "" || l.Kind.SpeaksClient() {
		return
	}
	if line := given["address"]; line > 0 {
		found.add(line, "listener.address", `is for kinds "client" and "login": %s`, WhyNoTCP(l.Kind))
	}
	for _, key := range []string{"trust_rip", "honour_no_penalty"} {
		if line := given[key]; line > 0 {
			found.add(line, "listener."+key, `is for kinds "client" and "login" only`)
		}
	}
}

// WhyNoTCP is why a kind that does not speak the client protocol is offered on
// unix sockets only.
func WhyNoTCP(k Kind) string {
	switch k {
	case KindSaslauthd:
		return `servers with Cyrus SASL ask on a unix socket only`
	case KindNginx:
		return `nginx can ask on a unix socket`
	}
	return `"` + string(k) + `" answers about anybody without a password, and only a unix socket says who may ask`
}

// checkPlaces names sockets that cannot be beside each other.
func (s *listenerSet) checkPlaces(c *Config, found *Problems) {
	defaults := c.SocketPaths()
	for i := range s.all {
		l := &s.all[i]
		line := max(s.given[i]["path"], s.given[i]["address"])
		if l.Address.IsValid() && l.Path != "" {
			continue // said already
		}
		for _, taken := range []string{defaults.Client, defaults.Master, defaults.Userdb, defaults.Admin} {
			if l.Path == taken {
				found.add(line, "listener.path", "is already a default socket of run_dir")
			}
		}
		if l.Address.IsValid() && overlapsPortal(l.Address, c.Portal.Listen) {
			found.add(line, "listener.address", "is already where [portal] listens")
		}
		for j := range i {
			if l.Path != "" && l.Path == s.all[j].Path {
				found.add(line, "listener.path", "is already the path of the listener in line %d", s.given[j]["path"])
				break
			}
			if overlap(l.Address, s.all[j].Address) {
				found.add(line, "listener.address", "is already taken by the listener in line %d", s.given[j]["address"])
				break
			}
		}
	}
}

// overlap says whether two sockets cannot listen at once: they have the same
// port, and the same address or one of them all addresses of that family.
func overlap(a, b netip.AddrPort) bool {
	if !a.IsValid() || !b.IsValid() || a.Port() != b.Port() || a.Addr().Is4() != b.Addr().Is4() {
		return false
	}
	return a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified()
}

// overlapsPortal is overlap with [portal] listen, whose host may be a name, which
// is not looked up, and which takes both families where it names all addresses.
func overlapsPortal(a netip.AddrPort, listen string) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port != strconv.Itoa(int(a.Port())) {
		return false
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && addr.IsUnspecified():
		return true
	case host == "localhost":
		return a.Addr().IsLoopback() || a.Addr().IsUnspecified()
	case err != nil:
		return false
	}
	return overlap(a, netip.AddrPortFrom(addr.Unmap(), a.Port()))
}

// SocketPaths are the four sockets that every daemon has.
type SocketPaths struct{ Client, Master, Userdb, Admin string }

// SocketPaths names the four sockets below RunDir.
func (c *Config) SocketPaths() SocketPaths {
	in := func(name string) string { return filepath.Join(c.RunDir, name) }
	return SocketPaths{in("auth-client"), in("auth-master"), in("auth-userdb"), in("admin")}
}
