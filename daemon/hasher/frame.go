package hasher

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// What travels through the pipe: frames of a big-endian uint32 length and that
// many bytes. A worker first sends the frame hello; then every request frame is
// answered by one reply frame.
//
//	request  'm' uint16 length of stored, stored, password
//	         'h' uint32 memory, uint32 time, uint8 threads, password
//	         'i' uint32 microseconds
//	reply    'y' | 'n' | 'h' hash | 'e' uint8 code, text
const (
	hello    = "latchkey hash worker 2"
	maxFrame = 1 + 2 + maxStored + MaxPassword
)

// Kinds of reply. A hash is answered with kindHash.
const (
	kindYes   = 'y'
	kindNo    = 'n'
	kindError = 'e'
)

// jobErrors are the errors whose identity survives the pipe; the index is the code.
func jobErrors() []error {
	return []error{nil, secret.ErrUnknownScheme, secret.ErrMalformedHash, secret.ErrTooCostly}
}

// readFrame reads one frame into buf, which grows as needed, and returns its
// payload. io.EOF only between frames.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("%w: %d bytes", errFrameTooLarge, n)
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return buf, nil
}

// writeFrame sends a frame made by newFrame and appends, and wipes it.
func writeFrame(w io.Writer, frame []byte) error {
	defer clear(frame)
	if len(frame)-4 > maxFrame {
		return fmt.Errorf("%w: %d bytes", errFrameTooLarge, len(frame)-4)
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	_, err := w.Write(frame)
	return err
}

// newFrame returns room for the length, to append a payload of about size bytes.
func newFrame(size int) []byte { return make([]byte, 4, 4+size) }

func (r request) appendTo(b []byte) []byte {
	b = append(b, r.kind)
	switch r.kind {
	case kindMatch:
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.stored)))
		b = append(b, r.stored...)
	case kindHash:
		b = binary.BigEndian.AppendUint32(b, r.cost.MemoryKiB)
		b = binary.BigEndian.AppendUint32(b, r.cost.Time)
		b = append(b, r.cost.Threads)
	case kindIdle:
		return binary.BigEndian.AppendUint32(b, uint32(min(r.idle.Microseconds(), math.MaxUint32)))
	}
	return append(b, r.password.Reveal()...)
}

func parseRequest(b []byte) (request, error) {
	if len(b) == 0 {
		return request{}, errFrameMalformed
	}
	r := request{kind: b[0]}
	b = b[1:]
	switch r.kind {
	case kindMatch:
		if len(b) < 2 {
			return request{}, errFrameMalformed
		}
		n := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if n > len(b) || n > maxStored {
			return request{}, errFrameMalformed
		}
		r.stored, b = string(b[:n]), b[n:]
	case kindHash:
		if len(b) < 9 {
			return request{}, errFrameMalformed
		}
		r.cost = secret.Cost{MemoryKiB: binary.BigEndian.Uint32(b), Time: binary.BigEndian.Uint32(b[4:]), Threads: b[8]}
		b = b[9:]
	case kindIdle:
		if len(b) != 4 {
			return request{}, errFrameMalformed
		}
		r.idle = time.Duration(binary.BigEndian.Uint32(b)) * time.Microsecond
		return r, nil
	default:
		return request{}, errFrameMalformed
	}
	if len(b) > MaxPassword {
		return request{}, errFrameMalformed
	}
	r.password = secret.New(string(b))
	return r, nil
}

// appendReply appends the reply to a request of the given kind.
func appendReply(b []byte, kind byte, r reply, err error) []byte {
	switch {
	case err != nil:
		code := byte(0)
		for i, known := range jobErrors() {
			if i > 0 && errors.Is(err, known) {
				code = byte(i)
			}
		}
		b = append(b, kindError, code)
		return append(b, err.Error()...)
	case kind == kindHash:
		b = append(b, kindHash)
		return append(b, r.hash...)
	case r.matches:
		return append(b, kindYes)
	}
	return append(b, kindNo)
}

// parseReply returns the job's answer. An error that wraps errFrameMalformed
// means that the worker cannot be trusted any more.
func parseReply(b []byte) (reply, error) {
	switch {
	case len(b) == 1 && b[0] == kindYes:
		return reply{matches: true}, nil
	case len(b) == 1 && b[0] == kindNo:
		return reply{}, nil
	case len(b) > 1 && b[0] == kindHash:
		return reply{hash: string(b[1:])}, nil
	case len(b) > 1 && b[0] == kindError:
		known := jobErrors()
		if code := int(b[1]); code > 0 && code < len(known) {
			return reply{}, fmt.Errorf("hash worker: %w", known[code])
		}
		return reply{}, fmt.Errorf("hash worker: %q", b[2:])
	}
	return reply{}, errFrameMalformed
}
