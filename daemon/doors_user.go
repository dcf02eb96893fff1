package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// localUser is a user of this machine and what it may do with sockets.
type localUser struct {
	uid  int
	gids []int
	name string // for sentences
	self bool   // this process's own
}

// daemonUser finds the user that the daemon runs as.
func daemonUser(cfg *config.Config, o DoorCheck) (localUser, error) {
	uid := os.Geteuid()
	switch info, err := os.Stat(cfg.DataDir); {
	case o.Start:
	case o.User != "":
		n, err := lookupUser(o.User)
		if err != nil {
			return localUser{}, err
		}
		uid = n
	case err == nil:
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			uid = int(stat.Uid)
		}
	}
	u := localUser{uid: uid, name: "the user " + strconv.Itoa(uid), self: uid == os.Geteuid()}
	found, err := user.LookupId(strconv.Itoa(uid))
	if err == nil {
		u.name = "the user " + found.Username
		if ids, err := found.GroupIds(); err == nil {
			for _, id := range ids {
				if gid, err := strconv.Atoi(id); err == nil {
					u.gids = append(u.gids, gid)
				}
			}
		}
	}
	if u.self { // systemd may have added some
		own, err := os.Getgroups()
		if err == nil {
			u.gids = append(append(u.gids, os.Getegid()), own...)
		}
	}
	return u, nil
}

// mayWrite says whether the user may make files in a folder. Of other users it
// knows what owner, group and mode say.
func (u *localUser) mayWrite(dir string) bool {
	if u.self {
		return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
	}
	if u.uid == 0 {
		return true
	}
	if !u.may(dir, 0o3) {
		return false
	}
	for dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		if !u.may(dir, 0o1) {
			return false
		}
	}
	return true
}

// may says whether path(7)'s permission bits of a file give the user all of want.
func (u *localUser) may(path string, want fs.FileMode) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	mode := info.Mode().Perm()
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && int(stat.Uid) == u.uid:
		mode >>= 6
	case ok && slices.Contains(u.gids, int(stat.Gid)):
		mode >>= 3
	}
	return mode&want == want
}

// mayGiveTo says whether the user may give a file of its own to another (chown(2)).
func (u *localUser) mayGiveTo(uid int) bool { return u.uid == 0 || uid < 0 || uid == u.uid }

// mayGiveToGroup is mayGiveTo for a group.
func (u *localUser) mayGiveToGroup(gid int) bool {
	return u.uid == 0 || gid < 0 || slices.Contains(u.gids, gid)
}

// owner looks the socket's owner and group up; -1 leaves them as they are.
func owner(l config.Listener) (uid, gid int, err error) {
	uid, gid = -1, -1
	if l.Owner != "" {
		if uid, err = lookupUser(l.Owner); err != nil {
			return 0, 0, err
		}
	}
	if l.Group != "" {
		if gid, err = lookupGroup(l.Group); err != nil {
			return 0, 0, err
		}
	}
	return uid, gid, nil
}

// lookupUser gives the uid of a name, or of a number.
func lookupUser(name string) (int, error) {
	if uid, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(uid), nil
	}
	u, err := user.Lookup(name)
	var unknown user.UnknownUserError
	switch {
	case errors.As(err, &unknown):
		return 0, fmt.Errorf("there is no user %q", name)
	case err != nil:
		return 0, fmt.Errorf("looking up the user %q: %w", name, err)
	}
	return strconv.Atoi(u.Uid)
}

// lookupGroup gives the gid of a name, or of a number.
func lookupGroup(name string) (int, error) {
	if gid, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(gid), nil
	}
	g, err := user.LookupGroup(name)
	var unknown user.UnknownGroupError
	switch {
	case errors.As(err, &unknown):
		return 0, fmt.Errorf("there is no group %q", name)
	case err != nil:
		return 0, fmt.Errorf("looking up the group %q: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}
