package bench

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

const goodAnswer = "HTTP/1.1 303 See Other\r\nLocation: /security\r\ncontent-length: 4\r\n\r\nbody"

func TestReadAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		status   int
		err      error
	}{
		{"good", goodAnswer, 303, nil},
		{"no reason", "HTTP/1.1 200\r\nContent-Length:0\r\n\r\n", 200, nil},
		{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 200, nil},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 0, errAnswer},
		{"no length", "HTTP/1.1 200 OK\r\n\r\n", 0, errAnswer},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, errAnswer},
		{"negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, errAnswer},
		{"huge", "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", 0, errAnswer},
		{"no field", "HTTP/1.1 200 OK\r\nnothing\r\n\r\n", 0, errAnswer},
		{"interim", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", 0, errAnswer},
		{"other version", "HTTP/1.0 200 OK\r\n\r\n", 0, errAnswer},
		{"long status", "HTTP/1.1 2000 OK\r\n\r\n", 0, errAnswer},
		{"many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", 0, errAnswer},
		{"long line", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 5000) + "\r\n", 0, bufio.ErrBufferFull},
		{"nothing", "", 0, io.EOF},
		{"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod", 200, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, err := readAnswer(bufio.NewReader(strings.NewReader(tt.in)))
			if status != tt.status || !errors.Is(err, tt.err) {
				t.Errorf("got %d, %v; want %d, %v", status, err, tt.status, tt.err)
			}
		})
	}
}

func TestReadAnswerAllocatesNothing(t *testing.T) {
	text := strings.NewReader("")
	in := bufio.NewReader(text)
	allocs := testing.AllocsPerRun(100, func() {
		text.Reset(goodAnswer)
		in.Reset(text)
		if status, err := readAnswer(in); status != 303 || err != nil {
			t.Errorf("%d, %v", status, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzReadAnswer: what is read ends where net/http says that it ends, with the
// same status.
func FuzzReadAnswer(f *testing.F) {
	f.Add(goodAnswer + goodAnswer)
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\nContent-Length: 1\n\nxy")
	f.Add("HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		ours := bufio.NewReader(strings.NewReader(text))
		status, err := readAnswer(ours)
		if err != nil {
			return
		}
		theirs := bufio.NewReader(strings.NewReader(text))
		answer, err := http.ReadResponse(theirs, nil)
		if err != nil || strings.Contains(strings.ToLower(text), "transfer-encoding") {
			return // it looks at more
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		a, _ := io.ReadAll(ours)
		b, _ := io.ReadAll(theirs)
		if answer.StatusCode != status || string(a) != string(b) && status != http.StatusNoContent && status != http.StatusNotModified {
			t.Errorf("status %d, rest %q; net/http: %d, %q", status, a, answer.StatusCode, b)
		}
	})
}
