package dovecot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// The client's own failures; ErrProtocol is wrapped by all that a server says wrongly.
var (
	ErrProtocol = errors.New("dovecot: server broke the protocol")
	ErrRequest  = errors.New("dovecot: request cannot be sent")
)

// ClientOptions say who the client is.
type ClientOptions struct {
	// Minor is the version to announce: mail servers say 0 or 1, Dovecot's logins 2
	// (2.3), 3 (2.4.0 to 2.4.3) or 4. From 3 on the server may offer mechanisms
	// with channel binding, from 4 on it sends CANCELLED.
	Minor uint32
	// PID is the number for CPID; 0: the process id.
	PID uint32
}

// Client is the client's end of one connection to a server of this protocol. The
// writing methods (Start, Continue, Cancel, Flush) are for one goroutine at a time
// and ReadReply for one; the two may be different ones. Authenticate is both.
type Client struct {
	// What the server said in its handshake.
	Minor      uint32
	Mechanisms []Mechanism
	SPID, CUID uint32
	Cookie     string // 32 hex digits

	nc     net.Conn
	in     *bufio.Reader
	out    []byte // not yet written
	lastID uint32
}

// NewClient does the client's handshake on c. It closes c if that fails. It sends
// its part without waiting for the server's and reads at the same time, so it
// gets along with servers that wait for the client (Dovecot 2.4) and with those
// that do not. A deadline, if one is wanted, is set on c before.
func NewClient(c net.Conn, opts ClientOptions) (*Client, error) {
	if opts.PID == 0 {
		opts.PID = uint32(os.Getpid())
	}
	hello := appendUint([]byte("VERSION\t1\t"), opts.Minor)
	hello = append(hello, "\nCPID\t"...)
	hello = appendUint(hello, opts.PID)
	hello = append(hello, '\n')
	client := &Client{nc: c, in: bufio.NewReaderSize(c, maxClientLine)}
	if err := shakeHands(c, hello, client.readHandshake); err != nil {
		return nil, fmt.Errorf("dovecot: handshake: %w", err)
	}
	return client, nil
}

// shakeHands writes and reads at the same time and closes c if either fails.
func shakeHands(c net.Conn, hello []byte, read func() error) error {
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(hello)
		wrote <- err
	}()
	err := read()
	if err != nil {
		_ = c.Close() // also ends the write; the error that counts is the other one
	}
	if werr := <-wrote; err == nil && werr != nil {
		_ = c.Close() // as above
		err = werr
	}
	return err
}

// Authenticate runs one exchange to its end; respond is called for each challenge
// and may be nil for mechanisms without one, and so may a.ChannelBinding. An error
// of either cancels the exchange and is returned. An error says that there was no
// verdict; a refusal is none. When ctx ends the connection is closed.
func (c *Client) Authenticate(ctx context.Context, a *AuthRequest, respond func(challenge []byte) ([]byte, error)) (Reply, error) {
	var reply Reply
	err := bounded(ctx, c.nc, func() error {
		id, err := c.Start(a)
		if err != nil {
			return err
		}
		for {
			if err := c.Flush(); err != nil {
				return err
			}
			if err := c.await(id, &reply); err != nil {
				return err
			}
			switch reply.Kind {
			case Challenged:
				if err := c.respond(&reply, a.ChannelBinding, respond); err != nil {
					return err
				}
			case Cancelled:
				return fmt.Errorf("%w: nobody cancelled", ErrProtocol)
			default:
				return nil
			}
		}
	})
	return reply, err
}

// await reads replies until one is for id: what others left behind is skipped.
func (c *Client) await(id uint32, reply *Reply) error {
	for {
		if err := c.ReadReply(reply); err != nil || reply.ID == id {
			return err
		}
	}
}

// respond answers one challenge, or cancels.
func (c *Client) respond(r *Reply, binding func(kind string) ([]byte, error), respond func([]byte) ([]byte, error)) error {
	data, bound, err := answer(r, binding, respond)
	if err == nil && r.Binding != "" {
		return c.ContinueBinding(r.ID, data, bound)
	}
	if err == nil {
		return c.Continue(r.ID, data)
	}
	if cerr := c.Cancel(r.ID); cerr == nil {
		_ = c.Flush() // the next call meets the same failure
	}
	return err
}

// answer asks the caller for what one challenge wants to know; data is nil if that is only the channel binding.
func answer(r *Reply, binding func(kind string) ([]byte, error), respond func([]byte) ([]byte, error)) (data, bound []byte, err error) {
	if r.Binding != "" {
		if binding == nil {
			return nil, nil, fmt.Errorf("%w: unexpected question for channel binding", ErrProtocol)
		}
		if bound, err = binding(r.Binding); err != nil || r.OutOfBand {
			return nil, bound, err
		}
	}
	if respond == nil || r.OutOfBand {
		return nil, nil, fmt.Errorf("%w: unexpected challenge", ErrProtocol)
	}
	data, err = respond(r.Challenge)
	if data == nil {
		data = []byte{}
	}
	return data, bound, err
}

// bounded runs fn, which uses nc, within ctx.
func bounded(ctx context.Context, nc net.Conn, fn func() error) error {
	if ctx.Done() == nil {
		return fn()
	}
	stop := context.AfterFunc(ctx, func() {
		_ = nc.SetDeadline(time.Unix(1, 0)) // fails only on a closed connection
	})
	err := fn()
	if stop() {
		return err
	}
	_ = nc.Close() // an answer may be on its way: no use for another exchange
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

// Start puts an AUTH into the write buffer and returns its id.
func (c *Client) Start(a *AuthRequest) (uint32, error) {
	id := c.lastID + 1
	if id == 0 {
		id = 1
	}
	out, err := appendAuth(c.out, id, a)
	c.out = out
	if err != nil {
		return 0, err
	}
	c.lastID = id
	return id, nil
}

// Continue puts the answer to a challenge into the write buffer.
func (c *Client) Continue(id uint32, response []byte) error {
	start := len(c.out)
	c.out = appendCont(c.out, id, response)
	if len(c.out)-start > maxClientLine {
		c.out = c.out[:start]
		return fmt.Errorf("%w: response too long", ErrRequest)
	}
	return nil
}

// ContinueBinding is Continue for a challenge that asked for channel binding data;
// response nil answers one that was out of band.
func (c *Client) ContinueBinding(id uint32, response, binding []byte) error {
	start := len(c.out)
	c.out = appendBound(c.out, id, response, binding)
	if len(c.out)-start > maxClientLine {
		c.out = c.out[:start]
		return fmt.Errorf("%w: response too long", ErrRequest)
	}
	return nil
}

// Cancel puts a CANCEL into the write buffer. A server whose client announced
// minor version 4 or more answers it with one reply of kind Cancelled, also if the
// answer to the exchange has left already.
func (c *Client) Cancel(id uint32) error {
	c.out = append(c.out, "CANCEL\t"...)
	c.out = appendUint(c.out, id)
	c.out = append(c.out, '\n')
	return nil
}

// Flush writes what Start, Continue and Cancel left in the buffer.
func (c *Client) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Buffered says whether a whole reply may be waiting in the read buffer: a load
// generator flushes before it reads only when none is.
func (c *Client) Buffered() bool { return c.in.Buffered() > 0 }

// ReadReply waits for the next line of the server and parses it into r, whose slices it reuses.
func (c *Client) ReadReply(r *Reply) error {
	line, err := readLine(c.in)
	if err != nil {
		return err
	}
	return r.parse(line)
}

// Close closes the connection.
func (c *Client) Close() error { return c.nc.Close() }

// readLine returns one line without its end, valid until the next.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, errLineTooLong)
	}
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}
