package dovecot

import (
	"net"
	"syscall"
)

// peerOf asks the kernel who connected a unix socket.
func peerOf(nc net.Conn) Peer {
	unix, ok := nc.(*net.UnixConn)
	if !ok {
		return Peer{}
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return Peer{}
	}
	var cred *syscall.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || credErr != nil {
		return Peer{}
	}
	return Peer{Known: true, PID: uint32(max(cred.Pid, 0)), UID: cred.Uid, GID: cred.Gid}
}
