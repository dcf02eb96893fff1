package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// maxNginxAnswer is how much of an answer nginx reads (ngx_mail_auth_http_module.c).
const maxNginxAnswer = 1024

var errNginxAnswer = errors.New("the server's answer is none for nginx")

// RunNginx puts the load on a socket that answers nginx's auth_http, as nginx does:
// one request on each connection. The load must be of PLAIN with one login in
// flight. What comes back is as of [Run].
func RunNginx(ctx context.Context, o Options) (*Result, error) {
	if err := o.checkOnce(); err != nil {
		return nil, err
	}
	requests := make([][]byte, len(o.Accounts))
	for i := range requests {
		requests[i] = nginxRequest(&o, i)
	}
	return runOnce(ctx, &o, func(_ context.Context, nc net.Conn, account int) (verdict, error) {
		if _, err := nc.Write(requests[account]); err != nil {
			return undecided, err
		}
		answer := make([]byte, maxNginxAnswer)
		n, err := io.ReadFull(nc, answer)
		if !errors.Is(err, io.ErrUnexpectedEOF) { // it ends with the connection, and earlier than that
			if err == nil {
				err = fmt.Errorf("%w: it is too long", errNginxAnswer)
			}
			return undecided, err
		}
		return nginxVerdict(answer[:n])
	})
}

// nginxRequest is what nginx asks of a person who came over TLS
// (ngx_mail_auth_http_create_request).
func nginxRequest(o *Options, account int) []byte {
	a := &o.Accounts[account]
	b := []byte("GET /auth HTTP/1.0\r\nHost: localhost\r\nAuth-Method: plain\r\nAuth-User: ")
	b = appendNginxEscaped(b, a.user)
	b = append(b, "\r\nAuth-Pass: "...)
	b = appendNginxEscaped(b, a.secret)
	return fmt.Appendf(b, "\r\nAuth-Protocol: %s\r\nAuth-Login-Attempt: 1\r\nClient-IP: %v\r\nAuth-SSL: on\r\n\r\n", o.Service, device(account))
}

// appendNginxEscaped escapes as nginx does (NGX_ESCAPE_MAIL_AUTH).
func appendNginxEscaped(b, text []byte) []byte {
	for _, c := range text {
		if c <= ' ' || c == '%' {
			b = fmt.Appendf(b, "%%%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

// nginxVerdict reads an answer. An error code of SMTP that begins with 4 is
// temporary.
func nginxVerdict(answer []byte) (verdict, error) {
	head, _, whole := bytes.Cut(answer, []byte("\r\n\r\n"))
	status, code := nginxHeader(head, "Auth-Status"), nginxHeader(head, "Auth-Error-Code")
	switch {
	case !whole || !bytes.HasPrefix(head, []byte("HTTP/1.")) || len(status) == 0:
		return undecided, fmt.Errorf("%w: it begins %.40q", errNginxAnswer, answer)
	case string(status) == "OK":
		return accepted, nil
	case bytes.HasPrefix(code, []byte("4")):
		return undecided, nil
	}
	return rejected, nil
}

// nginxHeader is the value of a header, nil if there is none.
func nginxHeader(head []byte, name string) []byte {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if key, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(key, []byte(name)) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}
