package dovecot

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

const (
	firstReadBuffer = 4096 // doubled whenever a read fills it, up to the line limit
	pauseReading    = 64 << 10
	keepBuffer      = 64 << 10  // larger write buffers are not kept
	maxPiece        = 128 << 10 // written at once, so that it shows whether the peer reads; answers to one batch fit
)

// What makes the server close a connection, beside lines that break the protocol.
var (
	errHandshake = errors.New("no handshake in time")
	errUnread    = errors.New("peer leaves too much unread")
	errStuck     = errors.New("peer does not read")
)

// speaker is what differs between the protocols of the kinds of connections.
// line and overdue are called by the reading goroutine, the others with c.mu held.
type speaker interface {
	// line answers one line, given without its end. An error ends the connection.
	line(line []byte) error
	// overdue is called when a moment that dueLocked told has come.
	overdue(now time.Time) error
	// dueLocked is when overdue has to be called next, zero for never.
	dueLocked() time.Time
	// stopLocked begins a shutdown; when nothing is open any more the speaker calls endLocked.
	stopLocked()
	// forgetLocked gives up what is still open when the connection has ended.
	forgetLocked()
}

// conn is one connection: a loop that reads lines, and the buffer of answers with
// its one writer at a time.
type conn struct {
	srv      *Server
	nc       net.Conn
	listener net.Listener
	options  ListenerOptions
	log      *slog.Logger
	peer     Peer
	ctx      context.Context
	cancel   context.CancelFunc
	speaker  speaker
	limits   limits

	// Of the reading goroutine.
	in      []byte
	maxLine int       // line end included
	now     time.Time // when the batch was read

	mu      sync.Mutex
	changed sync.Cond // on mu: a write ended, or the connection did

	// Guarded by mu.
	out      []byte // answers that no write has taken yet
	spare    []byte // the other buffer, empty
	unread   int    // bytes that the writer has taken out of out and not got rid of
	reading  bool   // a batch is being read: its goroutine will write
	writing  bool   // somebody writes and will also write what comes meanwhile
	stopping bool   // Shutdown: no more reading, end when nothing is open
	ending   bool   // no more answers; close when out is written
	// unhurried: the peer may take as long as it likes over what is written.
	unhurried bool
	closed    bool
	cause     error     // why the server closed it, nil if the peer did
	armed     time.Time // read deadline in force

	patience time.Time // write deadline in force; of whoever set writing
}

// Serve runs the connection to its end. REQUEST finds it meanwhile.
func (c *conn) Serve() {
	if client, ok := c.speaker.(*clientConn); ok {
		c.srv.registry.add(client)
		defer c.srv.registry.remove(client)
	}
	defer c.end()
	c.mu.Lock()
	if !c.writing { // else Shutdown came first, and its goroutine writes
		c.writing = true
		c.writeLocked()
	}
	c.armLocked()
	c.mu.Unlock()
	for {
		n, err := c.nc.Read(c.in[len(c.in):cap(c.in)])
		if n > 0 {
			c.in = c.in[:len(c.in)+n]
			c.now = time.Now()
			if !c.batch() {
				return
			}
		}
		if err != nil && !c.survives(err) {
			return
		}
	}
}

// survives says whether reading goes on after an error.
func (c *conn) survives(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		c.log.Debug("connection ended", "error", err)
		return false
	}
	c.mu.Lock()
	for c.stopping && !c.closed {
		c.changed.Wait()
	}
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return false
	}
	c.now = time.Now()
	err = c.speaker.overdue(c.now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.abortLocked(err)
		return false
	}
	if !c.stopping { // else Shutdown's own deadline has come meanwhile
		c.armed = time.Time{}
		_ = c.nc.SetReadDeadline(c.armed) // fails only on a closed connection
		c.armLocked()
	}
	return true
}

// armLocked sees to it that the reading goroutine wakes up for what is due. While a
// deadline is in force it stays: setting one for each request would cost as much
// as the request itself. Shutdown's own deadline stays for good.
func (c *conn) armLocked() {
	if c.stopping || !c.armed.IsZero() {
		return
	}
	if c.armed = c.speaker.dueLocked(); !c.armed.IsZero() {
		_ = c.nc.SetReadDeadline(c.armed) // fails only on a closed connection
	}
}

// batch answers all whole lines of the read buffer and writes the answers in one go.
func (c *conn) batch() bool {
	c.mu.Lock()
	c.reading = true
	c.mu.Unlock()
	err := c.lines()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.endLocked(err)
	}
	c.reading = false
	if !c.writing && (len(c.out) > 0 || c.ending) {
		c.writing = true
		c.writeLocked()
	}
	for c.ending && !c.closed { // another goroutine writes the last answers
		c.changed.Wait()
	}
	c.armLocked()
	return !c.closed
}

// lines hands the whole lines of the read buffer to the speaker and keeps the
// rest. The buffer grows to the line limit and no further, so a line that does not
// fit is one that has not ended when it is full.
func (c *conn) lines() error {
	rest := c.in
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		line := rest[:i]
		rest = rest[i+1:]
		if i > 0 && line[i-1] == '\r' {
			line = line[:i-1]
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return errNUL
		}
		if err := c.speaker.line(line); err != nil {
			return err
		}
	}
	full := len(c.in) == cap(c.in)
	switch {
	case len(rest) >= c.maxLine:
		return errLineTooLong
	case full && cap(c.in) < c.maxLine:
		c.in = append(make([]byte, 0, min(2*cap(c.in), c.maxLine)), rest...)
	default:
		c.in = c.in[:copy(c.in[:cap(c.in)], rest)]
	}
	return nil
}

// roomLocked holds the reading goroutine up while the peer leaves too much unread:
// what it asks is bounded by what it takes. It returns false when the connection is ending.
func (c *conn) roomLocked() bool {
	for len(c.out)+c.unread > pauseReading && !c.closed {
		if c.writing {
			c.changed.Wait()
			continue
		}
		c.writing = true
		c.writeLocked()
	}
	return !c.ending && !c.closed
}

// repliedLocked is called after something was appended to out, and starts a writer
// if nobody else will write. How much is waiting says nothing about the peer here:
// thousands of refusals may be due at one moment, before any write has begun.
func (c *conn) repliedLocked() {
	if !c.reading && !c.writing && !c.closed {
		c.writing = true
		go c.flush()
	}
}

// flush is the goroutine that writes answers which came outside of a batch. end waits for it.
func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeLocked()
}

// writeLocked writes until nothing is left. The caller has set writing; mu is not held during a write.
func (c *conn) writeLocked() {
	for len(c.out) > 0 && !c.closed {
		buf := c.out
		c.out, c.spare = c.spare[:0], nil
		c.unread = len(buf)
		for c.unread > 0 && !c.closed {
			rest := buf[len(buf)-c.unread:]
			c.pieceLocked(rest[:min(len(rest), maxPiece)])
		}
		c.unread = 0
		if cap(buf) <= keepBuffer {
			c.spare = buf[:0]
		}
	}
	c.writing = false
	if c.ending && !c.closed {
		c.closed = true
		_ = c.nc.Close() // nothing is left to lose
	}
	c.changed.Broadcast()
}

// pieceLocked writes one piece and judges the peer by how it took it: only what
// still waits after a peer has been slow is what the peer leaves unread.
func (c *conn) pieceLocked(piece []byte) {
	began, unhurried := time.Now(), c.unhurried
	c.mu.Unlock()
	err := c.write(piece, began, unhurried)
	c.mu.Lock()
	c.unread -= len(piece)
	switch {
	case err != nil:
		c.abortLocked(c.ownFault(err))
	case !unhurried && len(c.out)+c.unread > c.limits.unread && time.Since(began) > c.limits.write/2:
		c.abortLocked(errUnread)
	}
}

// write is called by one goroutine at a time. Setting a deadline costs a tenth of
// a login, so one is kept for a second: a write may be stuck that much longer.
func (c *conn) write(buf []byte, now time.Time, unhurried bool) error {
	if unhurried {
		if !c.patience.IsZero() {
			c.patience = time.Time{}
			if err := c.nc.SetWriteDeadline(c.patience); err != nil {
				return err
			}
		}
	} else if c.patience.Sub(now) < c.limits.write {
		c.patience = now.Add(c.limits.write + time.Second)
		if err := c.nc.SetWriteDeadline(c.patience); err != nil {
			return err
		}
	}
	_, err := c.nc.Write(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errStuck
	}
	return err
}

// ownFault keeps a peer that hung up out of the log: probes and impatient clients do it all the time.
func (c *conn) ownFault(err error) error {
	if errors.Is(err, errStuck) {
		return err
	}
	c.log.Debug("connection ended", "error", err)
	return nil
}

// endLocked lets the answers go out that are ready and then closes the connection.
func (c *conn) endLocked(cause error) {
	if c.ending || c.closed {
		return
	}
	c.ending, c.cause = true, cause
	if !c.reading && !c.writing {
		c.writing = true
		go c.flush()
	}
}

// abortLocked closes the connection at once.
func (c *conn) abortLocked(cause error) {
	if c.closed {
		return
	}
	c.closed = true
	if c.cause == nil {
		c.cause = cause
	}
	_ = c.nc.Close() // nothing is left to lose
	c.cancel()       // a back end may be looking something up for nobody now
	c.changed.Broadcast()
}

// Shutdown has the connection end when nothing is open any more.
func (c *conn) Shutdown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.stopping = true
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reading goroutine; fails only on a closed connection
	c.speaker.stopLocked()
}

// Abort closes the connection from outside.
func (c *conn) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abortLocked(nil)
}

// end is the last thing the reading goroutine does.
func (c *conn) end() {
	c.mu.Lock()
	c.abortLocked(nil)
	c.speaker.forgetLocked()
	for c.writing {
		c.changed.Wait()
	}
	cause := c.cause
	c.mu.Unlock()
	c.cancel()
	if cause != nil {
		c.log.Warn("connection closed", "cause", cause)
	}
}

// commandWord keeps a word out of the log that is no command: it may be part of a password.
func commandWord(word []byte) string {
	if len(word) == 0 || len(word) > 12 {
		return "?"
	}
	for _, c := range word {
		if (c < 'A' || c > 'Z') && c != '-' {
			return "?"
		}
	}
	return string(word)
}
