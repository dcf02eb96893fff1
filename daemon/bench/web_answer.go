package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Bounds of an answer.
const (
	maxAnswerFields = 100
	maxAnswerBody   = 1 << 20
)

var errAnswer = errors.New("not an answer that this generator reads")

// readAnswer reads one answer of HTTP/1.1 (RFC 9112) with a Content-Length,
// which is what our pages have, drops its body and returns its status. It
// allocates nothing.
func readAnswer(r *bufio.Reader) (int, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	status, ok := statusOf(line)
	if !ok {
		return 0, fmt.Errorf("%w: it begins %.40q", errAnswer, line)
	}
	length := -1
	for range maxAnswerFields {
		if line, err = r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if length < 0 {
				return 0, fmt.Errorf("%w: status %d, without Content-Length", errAnswer, status)
			}
			_, err := r.Discard(length)
			return status, err
		}
		if length, ok = lengthOf(line, length); !ok {
			return 0, fmt.Errorf("%w: status %d, %.40q", errAnswer, status, line)
		}
	}
	return 0, fmt.Errorf("%w: status %d, more than %d fields", errAnswer, status, maxAnswerFields)
}

// statusOf reads "HTTP/1.1 200 OK". Interim answers are none.
func statusOf(line []byte) (int, bool) {
	digits, found := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !found || len(digits) < 4 || digits[3] != ' ' && digits[3] != '\r' {
		return 0, false
	}
	status, err := strconv.Atoi(string(digits[:3]))
	return status, err == nil && status >= 200 && status <= 599
}

// lengthOf returns the length that a field tells, or the one that is known if it
// tells of something else; false if it tells another one, or none that is
// possible.
func lengthOf(field []byte, known int) (int, bool) {
	name, value, found := bytes.Cut(field, []byte(":"))
	if !found || !bytes.EqualFold(name, []byte("Content-Length")) {
		return known, found
	}
	length, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	return length, err == nil && length >= 0 && length <= maxAnswerBody && (known < 0 || known == length)
}
