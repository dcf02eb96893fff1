package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// door is one listening socket and what is spoken on it.
type door struct {
	kind     config.Kind
	listener net.Listener
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
	doors, forWeb, err = inherited()
	if err != nil {
		return nil, nil, err
	}
	held := make(map[string]bool)
	for _, d := range doors {
		held[d.listener.Addr().String()] = true
		log.Info("socket inherited", "kind", d.kind, "path", d.listener.Addr())
	}
	for _, w := range wantedSockets(cfg) {
		if held[w.Path] {
			continue
		}
		l, err := bind(w)
		if err != nil {
			closeDoors(doors)
			return nil, nil, err
		}
		doors = append(doors, door{w.Kind, l})
		log.Info("socket opened", "kind", w.Kind, "path", w.Path)
	}
	return doors, forWeb, nil
}

func closeDoors(doors []door) {
	for _, d := range doors {
		d.listener.Close()
	}
}

// inherited returns the sockets of systemd's socket activation (sd_listen_fds(3)).
// FileDescriptorName= says what a socket is for: "client", "master", "userdb",
// "saslauthd", "nginx" or "admin", several of one kind being allowed, or "portal", which is one TCP socket.
func inherited() (doors []door, forWeb net.Listener, err error) {
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
		switch kind {
		case config.KindClient, config.KindMaster, config.KindUserdb, config.KindSaslauthd, config.KindNginx, kindAdmin:
		default:
			return nil, nil, fmt.Errorf("daemon: systemd passes a socket named %q: set FileDescriptorName= to client, master, userdb, saslauthd, nginx, admin or portal", name)
		}
		for _, l := range listeners {
			if l == nil {
				return nil, nil, fmt.Errorf("daemon: systemd passes something named %q that is not a listening socket", name)
			}
			u, ok := l.(*net.UnixListener)
			if !ok {
				return nil, nil, fmt.Errorf("daemon: systemd passes a socket named %q that is no unix socket: who reaches one over the network could claim any address to be the person's", name)
			}
			u.SetUnlinkOnClose(false)
			doors = append(doors, door{kind, l})
		}
	}
	return doors, forWeb, nil
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
	err = os.Lchown(temporary, uid, gid)
	if err == nil {
		err = os.Chmod(temporary, l.Mode)
	}
	if err == nil {
		err = os.Rename(temporary, l.Path)
	}
	if err != nil {
		listener.Close()
		return fail(errors.Join(err, os.Remove(temporary)))
	}
	return &dovecot.FileListener{Listener: listener, Path: l.Path}, nil
}

// owner looks the socket's owner and group up; -1 leaves them as they are.
func owner(l config.Listener) (uid, gid int, err error) {
	uid, gid = -1, -1
	if l.Owner != "" {
		if uid, err = strconv.Atoi(l.Owner); err != nil {
			u, err := user.Lookup(l.Owner)
			if err != nil {
				return 0, 0, err
			}
			uid, _ = strconv.Atoi(u.Uid)
		}
	}
	if l.Group != "" {
		if gid, err = strconv.Atoi(l.Group); err != nil {
			g, err := user.LookupGroup(l.Group)
			if err != nil {
				return 0, 0, err
			}
			gid, _ = strconv.Atoi(g.Gid)
		}
	}
	return uid, gid, nil
}
