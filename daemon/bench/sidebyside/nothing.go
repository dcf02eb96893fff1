package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"sync"
)

// serveNothing is the yardstick: it says OK to every line without looking at more
// of it than the id, answers all lines of a read in one write, and keeps no state.
// No server in Go that reads with the runtime's poller can be much faster.
func serveNothing(ctx context.Context, path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		nc, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		open.Go(func() {
			stop := context.AfterFunc(ctx, func() { nc.Close() })
			defer stop()
			defer nc.Close()
			if err := answerAll(nc); err != nil {
				fmt.Fprintln(os.Stderr, "do-nothing server:", err)
			}
		})
	}
}

const nothingHandshake = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n"

// answerAll serves one connection. It ends without an error when the client does.
func answerAll(nc net.Conn) error {
	if _, err := nc.Write([]byte(nothingHandshake)); err != nil {
		return err
	}
	in, out := make([]byte, 0, 64<<10), make([]byte, 0, 64<<10)
	for {
		n, err := nc.Read(in[len(in):cap(in)])
		if err != nil {
			return nil // closed, by either side
		}
		in = in[:len(in)+n]
		rest := in
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			out = appendNothing(out, rest[:end])
			rest = rest[end+1:]
		}
		in = in[:copy(in, rest)]
		if len(out) > 0 {
			if _, err := nc.Write(out); err != nil {
				return nil // as above
			}
			out = out[:0]
		}
	}
}

// appendNothing answers one line. The lines of the handshake want no answer.
func appendNothing(out, line []byte) []byte {
	id, found := bytes.CutPrefix(line, []byte("AUTH\t"))
	if !found {
		return out
	}
	if tab := bytes.IndexByte(id, '\t'); tab >= 0 {
		id = id[:tab]
	}
	out = append(out, "OK\t"...)
	out = append(out, id...)
	return append(out, "\tuser=x\n"...)
}
