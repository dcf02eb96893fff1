package saslauthd

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Ask puts a request to the daemon behind conn, reads its reply and closes conn:
// a connection serves once. The end of ctx ends the wait. Whatever keeps a
// reply from being read is an error, and the Reply beside it is Unanswered; an
// error that wraps [io.EOF] is a daemon that closed without a word.
func Ask(ctx context.Context, conn net.Conn, r *Request) (Reply, error) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // a closed one needs none
	defer stop()
	message, err := r.appendTo(nil)
	if err != nil {
		return Reply{}, err
	}
	// A daemon may answer and close before it has read everything: what it
	// answered counts.
	_, writeErr := conn.Write(message)
	var count [2]byte
	if _, err := io.ReadFull(conn, count[:]); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		} else if writeErr != nil {
			err = writeErr
		}
		return Reply{}, fmt.Errorf("saslauthd: asking: %w", err)
	}
	text := make([]byte, binary.BigEndian.Uint16(count[:]))
	if _, err := io.ReadFull(conn, text); err != nil {
		return Reply{}, fmt.Errorf("saslauthd: reading a reply: %w", err)
	}
	return parseReply(string(text))
}
