package bench

import (
	"errors"
	"strings"
	"testing"
)

// FuzzNginxVerdict: whatever a server says, nobody gets in without the word for it.
func FuzzNginxVerdict(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 192.0.2.1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nauth-status:no\r\nAuth-Error-Code: 454 4.7.0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nAuth-Status: OK", "HTTP/1.1 200 OK\r\n\r\nAuth-Status: OK\r\n\r\n", "\r\n\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := nginxVerdict(answer)
		if err != nil && (got != undecided || !errors.Is(err, errNginxAnswer)) {
			t.Fatalf("%d, %v", got, err)
		}
		head, _, _ := strings.Cut(string(answer), "\r\n\r\n")
		if got == accepted && !strings.Contains(head, "OK") {
			t.Fatalf("accepted: %q", answer)
		}
	})
}
