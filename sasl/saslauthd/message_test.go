package saslauthd

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// wire joins counted strings.
func wire(fields ...string) []byte {
	var b []byte
	for _, s := range fields {
		b = append(b, byte(len(s)>>8), byte(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestParseRequest(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		name string
		sent []byte
		want Request
		err  error
	}{
		{"released client", wire("ada", "pw", "imap", "example.org"), Request{Login: "ada", Service: "imap", Realm: "example.org"}, nil},
		{"later client", wire("ada", "pw", "smtp", "", "192.0.2.1;51234"), Request{Login: "ada", Service: "smtp", Remote: netip.MustParseAddrPort("192.0.2.1:51234")}, nil},
		{"IPv6", wire("ada", "pw", "smtp", "", "2001:db8::1;25"), Request{Login: "ada", Service: "smtp", Remote: netip.MustParseAddrPort("[2001:db8::1]:25")}, nil},
		{"IPv4 in IPv6", wire("ada", "pw", "smtp", "", "::ffff:192.0.2.1;25"), Request{Login: "ada", Service: "smtp", Remote: netip.MustParseAddrPort("192.0.2.1:25")}, nil},
		{"no address", wire("ada", "pw", "smtp", "", ""), Request{Login: "ada", Service: "smtp"}, nil},
		{"no such address", wire("ada", "pw", "smtp", "", "192.0.2.1"), Request{Login: "ada", Service: "smtp"}, nil},
		{"all empty", wire("", "pw", "", ""), Request{}, nil},
		{"a length of two bytes", wire(long, "pw", long, long), Request{Login: long, Service: long, Realm: long}, nil},
		{"any bytes", wire("a\x00\xff", "pw", "\n", "\r"), Request{Login: "a\x00\xff", Service: "\n", Realm: "\r"}, nil},
		{"six strings", wire("ada", "pw", "imap", "", "", ""), Request{}, ErrTrailing},
		{"text", []byte("GET / HTTP/1.0\r\n\r\n"), Request{}, ErrTooLong},
		{"as long as may be", wire("ada", "pw", "imap", strings.Repeat("x", maxRequest-4*2-9)), Request{Login: "ada", Service: "imap", Realm: strings.Repeat("x", maxRequest-4*2-9)}, nil},
		{"longer", wire("ada", "pw", "imap", strings.Repeat("x", maxRequest-4*2-8)), Request{}, ErrTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseRequest(c.sent)
			if !errors.Is(err, c.err) || (got == nil) != (c.err != nil) {
				t.Fatalf("got %v, %v; want error %v", got, err, c.err)
			}
			if got == nil {
				return
			}
			if got.Password() != "pw" {
				t.Errorf("password %q", got.Password())
			}
			got.Password = nil
			if fmt.Sprint(*got) != fmt.Sprint(c.want) {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
			// Whatever is missing at the end, the rest is waited for.
			for n := range len(wire(c.want.Login, "pw", c.want.Service, c.want.Realm)) {
				if r, err := parseRequest(c.sent[:n]); r != nil || err != nil {
					t.Fatalf("the first %d bytes: %v, %v", n, r, err)
				}
			}
		})
	}
}

func TestPasswordIsNotPrinted(t *testing.T) {
	r, err := parseRequest(wire("ada", "difference engine", "imap", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, r) + fmt.Sprintf(verb, *r); strings.Contains(text, "difference") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}

func TestReply(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		reply Reply
		wire  []byte
		back  Reply
	}{
		{Reply{}, wire(""), Reply{}},
		{Reply{Text: "why"}, wire(""), Reply{}},
		{Reply{Outcome: OK}, wire("OK"), Reply{Outcome: OK}},
		{Reply{Outcome: No}, wire("NO"), Reply{Outcome: No}},
		{Reply{Outcome: No, Text: "Not today."}, wire("NO Not today."), Reply{Outcome: No, Text: "Not today."}},
		{Reply{Outcome: No, Text: long}, wire("NO " + long[:1020]), Reply{Outcome: No, Text: long[:1020]}},
	} {
		got := c.reply.appendTo(nil)
		if !bytes.Equal(got, c.wire) {
			t.Errorf("%+v: %q, want %q", c.reply, got, c.wire)
		}
		if back, err := parseReply(string(got[2:])); back != c.back || err != nil {
			t.Errorf("%q read as %+v, %v", got, back, err)
		}
	}
	if r, err := parseReply("SURE"); r != (Reply{}) || !errors.Is(err, ErrReply) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := parseReply("O"); r != (Reply{}) || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
