package dovecot

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// FileListener is the listener of a unix socket whose file was renamed after it
// was bound, which the kernel does not tell.
type FileListener struct {
	net.Listener
	Path string // where the file is now
}

// Addr returns where the socket is now.
func (l *FileListener) Addr() net.Addr { return &net.UnixAddr{Name: l.Path, Net: "unix"} }

var errRestricted = errors.New("entry of another uid")

// socketFile describes the file of a unix socket; nil if the listener has none.
func socketFile(l net.Listener) (fs.FileInfo, error) {
	path := l.Addr().String()
	if l.Addr().Network() != "unix" || path == "" || strings.HasPrefix(path, "@") {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dovecot: socket file of a userdb listener: %w", err)
	}
	return info, nil
}

// restriction is what a caller of a userdb socket may see.
type restriction struct {
	on  bool
	uid uint32 // only entries of this uid
}

// restrict follows auth_master_connection_set_permissions: a userdb socket that
// everybody may open (mode exactly 0666) tells a caller only about itself, unless
// it is the socket's owner or in its group, or root. Any other mode has already
// said who may ask. A socket whose file or caller cannot be made out is taken for
// one of mode 0666 and a caller of no uid.
func restrict(l net.Listener, peer Peer) restriction {
	info, err := socketFile(l)
	if info == nil && err == nil {
		return restriction{}
	}
	if err != nil {
		return restriction{on: true, uid: nobody(peer)}
	}
	if info.Mode().Perm() != 0o666 {
		return restriction{}
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && peer.Known && (peer.UID == owner.Uid || peer.GID == owner.Gid) {
		return restriction{}
	}
	return restriction{on: peer.UID != 0 || !peer.Known, uid: nobody(peer)}
}

func nobody(peer Peer) uint32 {
	if peer.Known {
		return peer.UID
	}
	return 1<<32 - 1
}
