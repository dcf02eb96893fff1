package dovecot

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// backOff is the pause after failed accepts, doubled from 5 ms to 1 s.
type backOff struct{ wait time.Duration }

func (b *backOff) next() time.Duration {
	b.wait = min(max(2*b.wait, 5*time.Millisecond), time.Second)
	return b.wait
}

func (b *backOff) reset() { b.wait = 0 }

// passing says whether an accept may work again later.
func passing(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
