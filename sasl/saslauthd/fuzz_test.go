package saslauthd

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzRequest reads what any peer may send, whole and in two pieces, and
// expects that what was understood, written as a client would, means the same.
func FuzzRequest(f *testing.F) {
	for _, b := range [][]byte{
		nil, wire("ada", "pw", "imap", "example.org"), wire("ada", "pw", "smtp", "", "192.0.2.1;51234"),
		wire("ada", "pw", "smtp", "", "::ffff:1.2.3.4;1"), wire("ada", "pw", "smtp", "", "fe80::1%eth0;1"),
		wire("", "", "", ""), wire("", "", "", "", "", ""), []byte("\xff\xff"), []byte("GET / HTTP/1.0\r\n\r\n"),
		wire(strings.Repeat("x", 300), "pw", "imap", ""), wire("ada", "pw", "imap", "example.org")[:20],
	} {
		f.Add(b, len(b)/2)
	}
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		r, err := parseRequest(b)
		if r == nil {
			if err == nil && len(b) >= maxRequest {
				t.Errorf("still waits after %d bytes", len(b))
			}
			return
		}
		if err != nil || len(b) > maxRequest {
			t.Fatalf("a request and %v from %d bytes", err, len(b))
		}
		// A beginning of it is waited for, or is the four strings that it begins with.
		if at >= 0 && at < len(b) {
			first, err := parseRequest(b[:at])
			if err != nil || first != nil && (first.Login != r.Login || first.Password() != r.Password() || first.Realm != r.Realm) {
				t.Errorf("%d of %d bytes: %v, %v", at, len(b), first, err)
			}
		}
		again, err := r.appendTo(nil)
		if err != nil {
			return // an address that became longer
		}
		back, err := parseRequest(again)
		if err != nil || back == nil || back.Password() != r.Password() {
			t.Fatalf("%q is read as %v, %v", again, back, err)
		}
		if back.Login != r.Login || back.Service != r.Service || back.Realm != r.Realm || back.Remote != r.Remote {
			t.Errorf("round trip %+v -> %q -> %+v", r, again, back)
		}
	})
}

// FuzzReply reads what any daemon may say.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"", "O", "OK", "NO", "NO Not today.", "OK \x00", "NOPE", "SURE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseReply(s)
		if err != nil {
			if r != (Reply{}) {
				t.Errorf("%q: %+v beside %v", s, r, err)
			}
			return
		}
		if (r.Outcome == Unanswered) != (len(s) < 2) {
			t.Errorf("%q is outcome %d", s, r.Outcome)
		}
		b := r.appendTo(nil)
		if len(b) > 2+maxReply {
			t.Errorf("a reply of %d bytes", len(b))
		}
		if back, err := parseReply(string(b[2:])); err != nil || back.Outcome != r.Outcome || !bytes.HasPrefix([]byte(r.Text), []byte(back.Text)) && !strings.HasPrefix(r.Text, " ") {
			t.Errorf("round trip %+v -> %q -> %+v, %v", r, b, back, err)
		}
	})
}
