package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// DoorCheck says for whom the sockets are looked at.
type DoorCheck struct {
	// User is the name or number of the user that the daemon runs as; "" is the
	// owner of data_dir, or this process's own user where there is no data_dir yet.
	User string
	// Start is true in a daemon that is about to open them, as this process's user
	// and with the sockets that it was given by systemd.
	Start bool
}

// DoorProblems is what CheckDoors has found.
type DoorProblems struct {
	Wrong    []config.Problem // the daemon could not start
	Doubtful []config.Problem // it could, but somebody may have meant something else
}

// doorCheck is one run of CheckDoors.
type doorCheck struct {
	cfg   *config.Config
	user  localUser
	start bool
	tasks *holders
	found DoorProblems
	said  map[string]bool // folders that were named already
}

// CheckDoors looks at the place of every socket that the configuration wants, the
// default ones and the portal's among them, without opening any: folders, owners,
// what is in its place, and who listens there instead. A socket that systemd or
// the running daemon holds is as it should be. The error says that the check's own
// user does not exist.
func CheckDoors(cfg *config.Config, o DoorCheck) (DoorProblems, error) {
	user, err := daemonUser(cfg, o)
	if err != nil {
		return DoorProblems{}, err
	}
	c := &doorCheck{
		cfg: cfg, user: user, start: o.Start, said: make(map[string]bool),
		tasks: newHolders(filepath.Join(cfg.DataDir, DatabaseFile)),
	}
	for _, w := range wantedSockets(cfg) {
		if w.Address.IsValid() {
			c.address(w)
		} else {
			c.path(w)
		}
	}
	if cfg.Portal.Listen != "" {
		c.port("portal.listen", cfg.Portal.Listen, func() (net.Listener, error) { return net.Listen("tcp", cfg.Portal.Listen) })
	}
	return c.found, nil
}

func (c *doorCheck) wrong(key, format string, args ...any) {
	c.found.Wrong = append(c.found.Wrong, config.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
}

func (c *doorCheck) doubt(key, format string, args ...any) {
	c.found.Doubtful = append(c.found.Doubtful, config.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
}

// key is the key of the configuration that wants a socket.
func (c *doorCheck) key(w *config.Listener) string {
	paths := c.cfg.SocketPaths()
	switch w.Path {
	case paths.Client, paths.Master, paths.Userdb, paths.Admin:
		return "run_dir"
	}
	return "listener"
}

// address looks at a TCP socket.
func (c *doorCheck) address(w config.Listener) {
	if !w.Address.Addr().IsLoopback() {
		more := ""
		if !w.DistrustRIP {
			more = ", under any address that they claim (trust_rip)"
		}
		c.doubt("listener", "%s: passwords pass it unencrypted, and whoever reaches it may try some%s: see to it that only your mail servers do", w.Address, more)
	}
	c.port("listener", w.Address.String(), func() (net.Listener, error) { return listenTCP(w.Address) })
}

// port tries to listen, for a moment.
func (c *doorCheck) port(key, place string, listen func() (net.Listener, error)) {
	l, err := listen()
	if err == nil {
		l.Close() // nobody has come
		return
	}
	// A port below 1024 is refused to most users before it is looked who has it.
	by, bound := c.tasks.onPort(place)
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, fs.ErrPermission) && bound:
		c.taken(key, place, by)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		c.wrong(key, "%s: is no address of this machine", place)
	case errors.Is(err, fs.ErrPermission) && !c.user.self:
		c.doubt(key, "%s: you may not listen there, so it was not tried", place)
	default:
		c.wrong(key, "%s: %v", place, cause(err))
	}
}

// cause is what the operating system said, without our own words for it.
func cause(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}

// taken judges a place where somebody listens.
func (c *doorCheck) taken(key, place string, by []int) {
	switch holds := c.tasks.judge(by); {
	case holds == heldByUs:
	case holds == heldBySystemd && !c.start:
	case holds == heldBySystemd:
		c.wrong(key, "%s: systemd holds it, but has not passed it on: start latchkey by its service, or stop the .socket unit", place)
	case holds == heldByNobodyKnown && !c.start:
		c.doubt(key, "%s: somebody listens there already; as root this command could tell whether it is the daemon", place)
	default:
		c.wrong(key, "%s: %s listens there already", place, c.tasks.names(by))
	}
}

// path looks at a unix socket.
func (c *doorCheck) path(w config.Listener) {
	key := c.key(&w)
	info, err := os.Lstat(w.Path)
	switch {
	case err == nil && info.Mode().Type() != fs.ModeSocket:
		c.wrong(key, "%s: something that is not a socket is in its place", w.Path)
		return
	case err == nil:
		if by, live := c.listens(w.Path); live {
			c.taken(key, w.Path, by)
			return // who made it has answered for owner and mode
		}
	}
	if !c.folder(key, w.Path) {
		return
	}
	c.owners(key, &w)
}

// listens finds out whether somebody listens at a path, and who. What systemd
// holds is not connected to: that would start a service.
func (c *doorCheck) listens(path string) (by []int, live bool) {
	by, bound := c.tasks.atPath(path)
	if bound {
		if holds := c.tasks.judge(by); holds != heldByOther && (holds != heldByNobodyKnown || !c.start) {
			return by, true
		}
	}
	// A socket may also be bound by a path that began in another folder, and a
	// bound one may have lost its file to another.
	pid, err := listenerOf(path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil, false
	case err != nil:
		return by, bound
	case pid > 0:
		return []int{pid}, true
	}
	return by, true
}

// folder looks at the folder that a socket is to be in, and says whether it is
// all right. Each is named once.
func (c *doorCheck) folder(key, path string) bool {
	dir := filepath.Dir(path)
	if c.said[dir] {
		return false
	}
	wrong := func(format string, args ...any) bool {
		c.said[dir] = true
		c.wrong(key, "%s: "+format, append([]any{path}, args...)...)
		return false
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir(), errors.Is(err, syscall.ENOTDIR):
		return wrong("%s is not a folder", dir)
	case err == nil && !c.user.mayWrite(dir):
		return wrong("%s may not write in the folder %s", c.user.name, dir)
	case err == nil:
		return true
	case !errors.Is(err, fs.ErrNotExist):
		return wrong("the folder %s: %v", dir, cause(err))
	}
	above := filepath.Dir(dir)
	info, err = os.Stat(above)
	switch {
	case errors.Is(err, fs.ErrNotExist) && above == c.cfg.RunDir:
		return c.folder("run_dir", dir) // which is made for the default sockets
	case err != nil:
		return wrong("there is no folder %s, nor one above it: one folder is made, not two", dir)
	case !info.IsDir():
		return wrong("%s is not a folder", above)
	case c.user.mayWrite(above):
		return true
	case dir == c.cfg.RunDir && !c.start:
		c.said[dir] = true
		c.doubt("run_dir", "%s: %s may not make this folder in %s; systemd does if the service says RuntimeDirectory=", dir, c.user.name, above)
		return false
	}
	return wrong("there is no folder %s, and %s may not make it in %s", dir, c.user.name, above)
}

// owners looks at whom a socket is to belong to, and who can use it then.
func (c *doorCheck) owners(key string, w *config.Listener) {
	uid, gid, err := owner(*w)
	if err != nil {
		if w.Kind == kindAdmin {
			key = "admin.group"
		}
		c.wrong(key, "%s: %v", w.Path, err)
		return
	}
	// A process of our own user may have CAP_CHOWN; chown(2) will tell.
	cannot := c.wrong
	if c.start {
		cannot = c.doubt
	}
	if !c.user.mayGiveTo(uid) {
		cannot(key, "%s: %s cannot give it to the user %q, only root can: run latchkey as root, or let systemd make the socket", w.Path, c.user.name, w.Owner)
		return
	}
	if !c.user.mayGiveToGroup(gid) {
		name := w.Group
		if w.Kind == kindAdmin {
			key = "admin.group"
		}
		cannot(key, "%s: %s cannot give it to the group %q without being a member: run latchkey as root, or add it to the group", w.Path, c.user.name, name)
		return
	}
	c.mode(key, w, uid)
}

// mode looks for sockets that nobody can connect to, which needs the w.
func (c *doorCheck) mode(key string, w *config.Listener, uid int) {
	if w.Kind == kindAdmin {
		return
	}
	if reads := w.Mode & 0o044; reads&^(w.Mode<<1) != 0 {
		c.doubt(key, "%s: mode %04o lets some read who may not connect, for which they need the w", w.Path, w.Mode)
		return
	}
	if w.Mode&0o002 != 0 && c.trusts(w) {
		c.doubt(key, "%s: with mode %04o everybody on this machine can connect, and who asks there is believed", w.Path, w.Mode)
		return
	}
	if w.Mode&0o022 != 0 || uid >= 0 && uid != c.user.uid {
		return
	}
	asksAsRoot := w.Kind == config.KindMaster || w.Kind == config.KindUserdb // Dovecot's processes
	if c.user.uid != 0 || !asksAsRoot {
		c.doubt(key, "%s: with mode %04o nobody but %s can connect, as which latchkey itself runs", w.Path, w.Mode, c.user.name)
	}
}

// trusts tells whether latchkey believes whoever can connect: on a master socket
// that they may learn of all accounts, and of nginx without a secret whose address
// a login came from.
func (c *doorCheck) trusts(w *config.Listener) bool {
	return w.Kind == config.KindMaster || w.Kind == config.KindNginx && c.cfg.Nginx.SecretFile == ""
}

// portOf is the port of an address and port; 0 if there is none.
func portOf(place string) uint16 {
	if a, err := netip.ParseAddrPort(place); err == nil {
		return a.Port()
	}
	_, port, err := net.SplitHostPort(place)
	if err != nil {
		return 0
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return 0
	}
	return uint16(n)
}
