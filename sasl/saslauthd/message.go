package saslauthd

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// What is wrong with a message. None carries any part of it.
var (
	// ErrTooLong says that a request has more bytes than its client may send.
	ErrTooLong = errors.New("saslauthd: a request of more than 8192 bytes")
	// ErrTrailing says that something follows a whole request.
	ErrTrailing = errors.New("saslauthd: more than five strings")
	// ErrReply says that a reply is neither OK nor NO.
	ErrReply = errors.New("saslauthd: neither OK nor NO")
)

const (
	maxRequest = 8192 // of the buffer "query" in lib/checkpw.c
	maxReply   = 1023 // of the buffer "response" there, without its NUL
)

// Request is what a server asks: is this the password of that login?
type Request struct {
	Login string // as sent; any bytes
	// Password returns the password. It is a function so that no print verb,
	// encoder or log handler can show what it holds.
	Password func() string
	Service  string // "imap", "pop", "smtp", "sieve", "ldap", …
	Realm    string // what stood behind the login's "@", or the asking server's own; "" if none
	// Remote is the address of the person's machine; zero if not told, which is
	// what all releases up to 2.1.28 do.
	Remote netip.AddrPort
	// Received is when the last byte arrived. The server sets it.
	Received time.Time
}

// Outcome is what a reply says. Its zero value is [Unanswered].
type Outcome uint8

// The outcomes.
const (
	Unanswered Outcome = iota // nobody could tell: a temporary failure
	OK                        // it is the right password
	No                        // it is not
)

// Reply is the answer to a Request.
type Reply struct {
	Outcome Outcome
	Text    string    // behind NO; most clients do not look at it
	At      time.Time // the earliest moment at which a server sends it; zero: at once
}

// cut takes the counted string that begins at b[from]. It returns where it ends;
// that lies behind b's own end if it is not whole yet.
func cut(b []byte, from int) (s []byte, end int) {
	if len(b) < from+2 {
		return nil, from + 2
	}
	start := from + 2
	end = start + int(binary.BigEndian.Uint16(b[from:]))
	if end > len(b) {
		return nil, end
	}
	return b[start:end], end
}

// parseRequest reads a request from b, which is everything received so far; nil
// without an error if more has to come. What it returns shares no memory with b.
func parseRequest(b []byte) (*Request, error) {
	var fields [5][]byte
	end := 0
	for i := range fields {
		if i == 4 && end == len(b) {
			break // four strings are a whole request
		}
		fields[i], end = cut(b, end)
		if end > maxRequest {
			return nil, ErrTooLong
		}
		if end > len(b) {
			return nil, nil
		}
	}
	if end < len(b) {
		return nil, ErrTrailing
	}
	password := string(fields[1])
	return &Request{
		Login:    string(fields[0]),
		Password: func() string { return password },
		Service:  string(fields[2]),
		Realm:    string(fields[3]),
		Remote:   parseRemote(string(fields[4])),
	}, nil
}

// parseRemote reads "address;port" (sasl.h, SASL_IPREMOTEPORT). What is not that
// is nobody's address: it decides nothing about the request.
func parseRemote(s string) netip.AddrPort {
	host, port, _ := strings.Cut(s, ";")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return netip.AddrPort{}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n))
}

// appendTo appends the request as it goes over the wire. A Remote that is set
// makes it five strings.
func (r *Request) appendTo(b []byte) ([]byte, error) {
	fields := []string{r.Login, r.Password(), r.Service, r.Realm}
	if r.Remote.IsValid() {
		fields = append(fields, r.Remote.Addr().String()+";"+strconv.Itoa(int(r.Remote.Port())))
	}
	size := 0
	for _, s := range fields {
		size += 2 + len(s)
	}
	if size > maxRequest {
		return nil, ErrTooLong
	}
	for _, s := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b, nil
}

// appendTo appends the reply as it goes over the wire. A Text that is too long
// for clients is cut.
func (r *Reply) appendTo(b []byte) []byte {
	word := ""
	switch r.Outcome {
	case OK:
		word = "OK"
	case No:
		word = "NO"
	}
	if word != "" && r.Text != "" {
		word += " " + r.Text
		word = word[:min(len(word), maxReply)]
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(word)))
	return append(b, word...)
}

// parseReply reads the text of a reply as checkpw.c does, except that what is
// neither OK nor NO is not taken for NO.
func parseReply(s string) (Reply, error) {
	if len(s) < 2 {
		return Reply{}, nil
	}
	r := Reply{Text: strings.TrimPrefix(s[2:], " ")}
	switch s[:2] {
	case "OK":
		r.Outcome = OK
	case "NO":
		r.Outcome = No
	default:
		return Reply{}, ErrReply
	}
	return r, nil
}
