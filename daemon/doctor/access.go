package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// peer is a user of the machine as whom somebody connects to a socket.
type peer struct {
	name string
	uid  int
	gids []int
}

// Connects says whether a user of the machine may connect to a unix socket, by the
// permission bits on its way from root, where a process in a chroot begins. Nil is
// yes, or that there is no such user; the error says what is in the way.
func Connects(name, path, root string) error {
	p, found := findPeer(name)
	if !found {
		return nil
	}
	return p.connects(path, root)
}

// findPeer looks a user up; false if there is none.
func findPeer(name string) (peer, bool) {
	u, err := user.Lookup(name)
	if err != nil {
		return peer{}, false
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return peer{}, false
	}
	p := peer{name: name, uid: uid}
	ids, err := u.GroupIds()
	if err != nil {
		ids = []string{u.Gid}
	}
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil {
			p.gids = append(p.gids, gid)
		}
	}
	return p, true
}

// may says whether the permission bits of a file give the user all of want, which is
// of the bits for others (path_resolution(7)). Access control lists are not looked at.
func (p *peer) may(info fs.FileInfo, want fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case p.uid == 0:
		return true
	case ok && int(stat.Uid) == p.uid:
		mode >>= 6
	case ok && slices.Contains(p.gids, int(stat.Gid)):
		mode >>= 3
	}
	return mode&want == want
}

// errNoSocket means that there is nothing at a socket's path.
var errNoSocket = errors.New("there is no socket")

// connects says whether the user may connect to a unix socket: walk through every
// folder from below root (where a process in a chroot begins), and write to it. The
// error says what is in the way.
func (p *peer) connects(path, root string) error {
	path = resolved(path)
	dir := resolved(root)
	rest, err := filepath.Rel(dir, path)
	if err != nil || strings.HasPrefix(rest, "..") {
		dir, rest = "/", strings.TrimPrefix(path, "/")
	}
	for _, name := range strings.Split(rest, "/") {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is missing", errNoSocket, dir)
		case err != nil:
			return fmt.Errorf("%s: you may not look: %w", dir, err)
		case !p.may(info, 0o1):
			return fmt.Errorf("%s may not pass the folder %s (%s): chmod or chgrp it", p.name, dir, owned(info))
		}
		dir = filepath.Join(dir, name)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errNoSocket
	case err != nil:
		return fmt.Errorf("you may not look: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("what is there is no socket")
	case !p.may(info, 0o2):
		return fmt.Errorf("%s may not connect (%s): set owner, group or mode of the listener", p.name, owned(info))
	}
	return nil
}

// owned is what ls -l says: "-rw-rw---- root:postfix".
func owned(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Mode().String()
	}
	name, group := strconv.Itoa(int(stat.Uid)), strconv.Itoa(int(stat.Gid))
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("%s %s:%s", info.Mode(), name, group)
}
