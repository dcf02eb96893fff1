package saslauthd

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// conn is one connection: one request and its reply.
type conn struct {
	srv      *Server
	nc       net.Conn
	path     net.Addr        // of the listener
	deciding context.Context // ends with Abort
	giveUp   context.CancelFunc
	stopping context.Context // ends with Shutdown: no more reading, no more waiting for At
	stop     context.CancelFunc
}

func (s *Server) newConn(nc net.Conn, path net.Addr) *conn {
	c := &conn{srv: s, nc: nc, path: path}
	c.deciding, c.giveUp = context.WithCancel(context.Background())
	c.stopping, c.stop = context.WithCancel(c.deciding)
	return c
}

// Shutdown has the connection end with the reply to a request that was read whole.
func (c *conn) Shutdown() {
	c.stop()
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // what has begun to arrive is not waited for; fails only on a closed connection
}

// Abort closes the connection and then gives up its decision, so that what comes
// of it is no reply.
func (c *conn) Abort() {
	c.stop()
	_ = c.nc.Close() // its goroutine notices
	c.giveUp()
}

// Serve is the life of the connection.
func (c *conn) Serve() {
	defer c.Abort()
	r, err := c.read()
	if err != nil {
		if c.stopping.Err() == nil && !errors.Is(err, io.EOF) {
			c.srv.log().Warn("connection closed", "kind", "saslauthd", "path", c.path, "cause", err)
		}
		return
	}
	reply := c.srv.answer(c.deciding, r)
	if wait := time.Until(reply.At); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.stopping.Done():
		}
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(orDefault(c.srv.WriteTimeout, 10*time.Second))); err != nil {
		return // closed by Close
	}
	_, _ = c.nc.Write(reply.appendTo(nil)) // a peer that has gone needs no reply
}

// read reads one request. The error is [io.EOF] for a peer that sent nothing.
func (c *conn) read() (*Request, error) {
	if err := c.nc.SetReadDeadline(time.Now().Add(orDefault(c.srv.RequestTimeout, 10*time.Second))); err != nil {
		return nil, err
	}
	if err := c.stopping.Err(); err != nil { // Shutdown's deadline may have come before this one
		return nil, err
	}
	buffer := make([]byte, maxRequest) // never full without a whole request or an error
	for n := 0; ; {
		m, err := c.nc.Read(buffer[n:])
		n += m
		if m > 0 {
			r, wrong := parseRequest(buffer[:n])
			if wrong != nil {
				return nil, wrong
			}
			if r != nil {
				r.Received = time.Now()
				return r, nil
			}
		}
		if errors.Is(err, io.EOF) && n > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
}
