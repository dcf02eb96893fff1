package harness

import (
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ReservePort finds a TCP port of 127.0.0.1 that nobody uses and keeps it, for a
// server that is told its port before it starts: until release nobody else is given
// it, neither a listener on port 0 nor a connection. The server has to bind it with
// SO_REUSEADDR, as servers do.
//
// What is kept is a socket that is bound and does not listen. It says SO_REUSEADDR
// only once it is bound: the system then gives the port to whoever asks for that
// very one in the same words, and to nobody who asks for any (socket(7)).
func ReservePort() (port string, release func() error, err error) {
	syscall.ForkLock.RLock() // no child must be born with it
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return "", nil, fmt.Errorf("harness: %w", err)
	}
	fail := func(err error) (string, func() error, error) {
		_ = unix.Close(fd) // the error that counts is the other one
		return "", nil, fmt.Errorf("harness: reserving a port: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fail(err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fail(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fail(err)
	}
	bound, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return fail(unix.EAFNOSUPPORT)
	}
	return strconv.Itoa(bound.Port), func() error { return unix.Close(fd) }, nil
}
