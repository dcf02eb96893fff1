package nginxauth

import (
	"bufio"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/sasl"
)

// seen is a request of nginx 1.22.1 in front of IMAP over TLS, to which a program
// had said AUTHENTICATE PLAIN with the name "u u@example.org" and the password
// "50% of é\t".
const seen = "GET /auth HTTP/1.0\r\nHost: localhost\r\nAuth-Method: plain\r\nAuth-User: u%20u@example.org\r\n" +
	"Auth-Pass: 50%25%20of%20\xc3\xa9%09\r\nAuth-Protocol: imap\r\nAuth-Login-Attempt: 2\r\nClient-IP: 127.0.0.1\r\n" +
	"Auth-SSL: on\r\nAuth-SSL-Protocol: TLSv1.3\r\nAuth-SSL-Cipher: TLS_AES_256_GCM_SHA384\r\nX-Auth-Key: 0123456789abcdef\r\n\r\n"

func headers(t *testing.T, text string) http.Header {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return r.Header
}

func TestParse(t *testing.T) {
	want := request{
		plain: true, mechanism: "PLAIN", user: "u u@example.org", password: "50% of é\t", protocol: "imap",
		addr: netip.MustParseAddr("127.0.0.1"), secured: true, attempt: 2,
	}
	if got := parse(headers(t, seen)); got != want {
		t.Errorf("got %+v", got)
	}
}

// escape is what nginx does to a name and a password.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '%' {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// FuzzEscape: whatever a person types comes out as it went in.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "u@example.org", "50% of é\t", "%25", "\r\nX-Auth-Key: x", "\x00\xff", " blank ", "+", "%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := http.Header{"Auth-Pass": {escape(s)}}
		if got, good := unescaped(h, "Auth-Pass"); !good || got != s {
			t.Errorf("%q came out as %q, %v", s, got, good)
		}
	})
}

// FuzzRequest reads any bytes as a request: nothing in it may be more than a
// mail program can say.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(seen))
	for _, s := range []string{
		"GET / HTTP/1.0\r\nAuth-Method: none\r\nAuth-User: \r\nAuth-Pass: \r\nAuth-Protocol: smtp\r\nClient-IP: ::1\r\nAuth-SMTP-From: MAIL FROM:<a@b>\r\n\r\n",
		"GET / HTTP/1.0\r\nAuth-Method: apop\r\nAuth-User: u\r\nAuth-Salt: <1@h>\r\nAuth-Pass: 0123\r\nAuth-Protocol: pop3\r\nClient-IP: unix:\r\n\r\n",
		"GET / HTTP/1.0\r\nAuth-User: a\r\nAuth-User: b\r\nAuth-Login-Attempt: 99999999999999999999\r\nClient-IP: fe80::1%eth0\r\n\r\n",
		"GET / HTTP/1.0\r\nAuth-Method: plain\r\nAuth-User: %\r\nAuth-Pass: %0\r\nAuth-SSL: off\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(text))))
		if err != nil {
			return
		}
		q := parse(r.Header)
		if q.addr.Zone() != "" || q.addr.Is4In6() {
			t.Errorf("address %v", q.addr)
		}
		if q.protocol != protocol(q.protocol) || q.plain && q.mechanism != "PLAIN" || len(q.mechanism) > len("EXTERNAL") {
			t.Errorf("%+v", q)
		}
		if len(q.user) > len(text) || len(q.password) > len(text) {
			t.Errorf("it grew: %+v", q)
		}
		got, err := sasl.Password(q.user, q.password)
		if err == nil && (!utf8.ValidString(got.Name+got.Secret()) || strings.Contains(got.Name+got.Secret(), "\x00")) {
			t.Errorf("%q, %q", got.Name, got.Secret())
		}
	})
}
