package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// door is one listening socket, what is spoken on it and what its clients are
// believed.
type door struct {
	kind     config.Kind
	listener net.Listener

	distrustRIP     bool
	ignoreNoPenalty bool
}

func newDoor(w config.Listener, l net.Listener) door {
	return door{kind: w.Kind, listener: l, distrustRIP: w.DistrustRIP, ignoreNoPenalty: w.IgnoreNoPenalty}
}

// options are those of a door at which the Dovecot protocol is spoken.
func (d *door) options(k dovecot.Kind) dovecot.ListenerOptions {
	return dovecot.ListenerOptions{Kind: k, DistrustRIP: d.distrustRIP, IgnoreNoPenalty: d.ignoreNoPenalty}
}

// words describe a door in the log.
func (d *door) words() []any {
	words := []any{"kind", d.kind, "place", d.listener.Addr()}
	if d.kind.SpeaksClient() {
		words = append(words, "trust_rip", !d.distrustRIP)
	}
	return words
}

// Kinds that no [[listener]] has, because there is one of each.
const (
	kindAdmin  config.Kind = "admin"
	kindPortal config.Kind = "portal"
)

// wantedSockets lists the four default sockets, then the configuration's own.
func wantedSockets(cfg *config.Config) []config.Listener {
	paths := cfg.SocketPaths()
	admin := config.Listener{Path: paths.Admin, Kind: kindAdmin, Group: cfg.Admin.Group, Mode: 0o600}
	if cfg.Admin.Group != "" {
		admin.Mode = 0o660
	}
	list := []config.Listener{
		{Path: paths.Client, Kind: config.KindClient, Mode: 0o660},
		{Path: paths.Master, Kind: config.KindMaster, Mode: 0o660},
		{Path: paths.Userdb, Kind: config.KindUserdb, Mode: 0o660},
		admin,
	}
	return append(list, cfg.Listeners...)
}

// openDoors returns the sockets that systemd holds for us and binds the others;
// forWeb is the portal's, if systemd holds that. Call it only after the store is
// locked: a second daemon must stop there, before it takes the first one's
// sockets away.
func openDoors(cfg *config.Config, log *slog.Logger) (doors []door, forWeb net.Listener, err error) {
	wanted := wantedSockets(cfg)
	doors, forWeb, err = inherited(wanted)
	if err != nil {
		return nil, nil, err
	}
	held := make(map[string]bool)
	for _, d := range doors {
		held[d.listener.Addr().String()] = true
		log.Info("socket inherited", d.words()...)
	}
	for _, w := range wanted {
		if held[w.Place()] {
			continue
		}
		l, err := open(w)
		if err != nil {
			closeDoors(doors)
			return nil, nil, err
		}
		d := newDoor(w, l)
		doors = append(doors, d)
		log.Info("socket opened", d.words()...)
	}
	return doors, forWeb, nil
}

func closeDoors(doors []door) {
	for _, d := range doors {
		d.listener.Close()
	}
}

// inherited returns the sockets of systemd's socket activation (sd_listen_fds(3)).
// FileDescriptorName= says what a socket is for: a kind of [[listener]] or "admin",
// several of one kind being allowed, or "portal", which is one TCP socket.
func inherited(wanted []config.Listener) (doors []door, forWeb net.Listener, err error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, nil, fmt.Errorf("daemon: sockets from systemd: %w", err)
	}
	if held := named[string(kindPortal)]; len(held) > 0 {
		if len(held) > 1 || held[0] == nil {
			return nil, nil, errors.New("daemon: systemd has to pass one listening socket for the portal")
		}
		forWeb = held[0]
		delete(named, string(kindPortal))
	}
	for name, listeners := range named {
		kind := config.Kind(name)
		if kind != kindAdmin && !slices.Contains(config.Kinds(), kind) {
			return nil, nil, fmt.Errorf("daemon: systemd passes a socket named %q: set FileDescriptorName= to one of %q, or to admin or portal", name, config.Kinds())
		}
		for _, l := range listeners {
			if l == nil {
				return nil, nil, fmt.Errorf("daemon: systemd passes something named %q that is not a listening socket", name)
			}
			d, err := adopt(kind, l, wanted)
			if err != nil {
				return nil, nil, err
			}
			doors = append(doors, d)
		}
	}
	return doors, forWeb, nil
}

// adopt makes a door of a socket that systemd holds. If the configuration has it,
// too, at the same path or address, the options there count; else those that are
// usual for a unix socket or a TCP socket.
func adopt(kind config.Kind, l net.Listener, wanted []config.Listener) (door, error) {
	place := l.Addr().String()
	usual := config.Listener{Kind: kind}
	switch l := l.(type) {
	case *net.UnixListener:
		l.SetUnlinkOnClose(false)
	case *net.TCPListener:
		usual.DistrustRIP, usual.IgnoreNoPenalty = true, true
		switch {
		case kind == kindAdmin:
			return door{}, fmt.Errorf("daemon: systemd passes %s named %q, which has to be a unix socket: the kernel says there who asks", place, kind)
		case !kind.SpeaksClient():
			return door{}, fmt.Errorf("daemon: systemd passes %s named %q, which has to be a unix socket: %s", place, kind, config.WhyNoTCP(kind))
		}
	default:
		return door{}, fmt.Errorf("daemon: systemd passes %s named %q, which is neither a unix socket nor one of TCP", place, kind)
	}
	for _, w := range wanted {
		switch {
		case w.Place() != place:
		case w.Kind != kind:
			return door{}, fmt.Errorf("daemon: systemd passes %s as %q (FileDescriptorName=), but it is configured as %q", place, kind, w.Kind)
		default:
			return newDoor(w, l), nil
		}
	}
	return newDoor(usual, l), nil
}

// open makes a listening socket, of TCP with an address and unix with a path.
func open(l config.Listener) (net.Listener, error) {
	if !l.Address.IsValid() {
		return bind(l)
	}
	listener, err := listenTCP(l.Address)
	if err != nil {
		return nil, fmt.Errorf("daemon: socket %s: %w", l.Address, err)
	}
	return listener, nil
}

// listenTCP listens on one family only: net.Listen on "tcp" takes 0.0.0.0 for all
// addresses of both.
func listenTCP(a netip.AddrPort) (net.Listener, error) {
	network := "tcp4"
	if a.Addr().Is6() {
		network = "tcp6"
	}
	return net.ListenTCP(network, net.TCPAddrFromAddrPort(a))
}

// bind makes a listening unix socket. It is bound beside its place and renamed
// into it, and never unlinked, so that at no moment its path leads nowhere:
// Postfix's smtpd dies when it finds no socket.
func bind(l config.Listener) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, fmt.Errorf("daemon: socket %s: %w", l.Path, err)
	}
	// One folder is made, not a tree: a path that leads nowhere is a mistake.
	if err := os.Mkdir(filepath.Dir(l.Path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	uid, gid, err := owner(l)
	if err != nil {
		return fail(err)
	}
	if info, err := os.Lstat(l.Path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return fail(errors.New("something that is not a socket is in its place"))
	}
	temporary := l.Path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	// No permission at all until owner and mode are right.
	mask := unix.Umask(0o777)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	unix.Umask(mask)
	if err != nil {
		return fail(err)
	}
	listener.SetUnlinkOnClose(false)
	err = giveSocket(temporary, uid, gid, l.Mode)
	if err == nil {
		err = os.Rename(temporary, l.Path)
	}
	if err != nil {
		listener.Close()
		return fail(errors.Join(err, os.Remove(temporary)))
	}
	return &dovecot.FileListener{Listener: listener, Path: l.Path}, nil
}

// giveSocket sets owner and mode of a socket. Whoever may write in its folder
// (Postfix's own user, say) can put a link in its place at any moment, and root
// must not follow that: what is changed is what was looked at.
func giveSocket(path string, uid, gid int, mode fs.FileMode) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return errors.New("something else was put in its place")
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "chown", Path: path, Err: err}
	}
	// fchmod(2) takes no O_PATH; by proc(5) the name leads to the file itself.
	return os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}
