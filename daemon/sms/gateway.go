package sms

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
)

const (
	maxAnswer       = 64 << 10 // bytes of a body that are looked at
	maxAnswerHeader = 64 << 10
)

// gateway asks one host by HTTP. Connections are not kept: codes are rare, and a
// kept connection that died is what makes net/http send a request twice.
type gateway struct{ client *http.Client }

// newGateway checks scheme and host, which everything that is asked will have.
func newGateway(at *url.URL, plain bool) (*gateway, error) {
	if at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "" || !isHeaderValue(at.Host) {
		return nil, errors.New("sms: the URL is not https://host… or http://host…")
	}
	if at.User != nil {
		return nil, errors.New("sms: the URL holds a user name; put it into a header")
	}
	dialer := &net.Dialer{}
	if at.Scheme == "http" && !plain {
		if !isThisHost(at.Hostname()) {
			return nil, errors.New("sms: the URL is http:// and not of this host: codes and secrets would go over the network as they are")
		}
		dialer.Control = onlyLoopback // localhost may be given another address
	}
	return &gateway{&http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxAnswerHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func isThisHost(name string) bool {
	addr, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && addr.IsLoopback()
}

// onlyLoopback refuses any address but this host's own, once names are resolved.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return errNotLoopback
	}
	return nil
}

var errNotLoopback = errors.New("http:// leads to another host")

// ask sends a request and returns the status and the first bytes of the body.
//
// A request may have left from the moment that it has its connection, which with
// TLS is when the handshake is over: what is written then is not told apart, for
// half of a request can be all that a gateway reads.
func (g *gateway) ask(r *http.Request) (int, []byte, error) {
	var connected atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	answer, err := g.client.Do(r)
	if err != nil {
		g.client.CloseIdleConnections() // net/http goes on dialling for whoever asks next, until this
		kind := ErrUnreached
		if connected.Load() {
			kind = ErrNoAnswer
		}
		return 0, nil, noAnswer(r.Context(), kind, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, nil, noAnswer(r.Context(), ErrNoAnswer, err)
	}
	return answer.StatusCode, body, nil
}

// noAnswer says why nothing came, in words of this package: errors of net/http
// hold the URL or what the other side sent.
func noAnswer(ctx context.Context, kind, err error) error {
	var (
		number    syscall.Errno
		name      *net.DNSError
		other     x509.HostnameError
		unknown   x509.UnknownAuthorityError
		notTrusty *tls.CertificateVerificationError
		network   net.Error
	)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", kind, ctx.Err())
	case errors.Is(err, errNotLoopback):
		return fmt.Errorf("%w: %w", kind, errNotLoopback)
	case errors.As(err, &name):
		return fmt.Errorf("%w: the name of the host is not found", kind)
	case errors.As(err, &number):
		return fmt.Errorf("%w: %w", kind, number)
	case errors.As(err, &other):
		return fmt.Errorf("%w: the certificate is for another host", kind)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the certificate is of an unknown authority", kind)
	case errors.As(err, &notTrusty):
		return fmt.Errorf("%w: the certificate is not valid", kind)
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("%w: %w", kind, context.DeadlineExceeded)
	default:
		return fmt.Errorf("%w: the connection broke, or what came is not HTTP", kind)
	}
}

// refused is the answer of a gateway that has error codes.
func refused(status int, code string) error {
	return fmt.Errorf("%w: status %d, %s", notTaken(status), status, onlyLetters(code))
}

// onlyLetters shows an error code as the providers document them, such as
// isv.BUSINESS_LIMIT_CONTROL. What has a digit could be an echo of what was sent.
func onlyLetters(code string) string {
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '.' && r != '_' && r != '-'
	}
	switch {
	case code == "":
		return "no error code"
	case len(code) > 80 || strings.ContainsFunc(code, foreign):
		return "an error code of unknown form"
	}
	return code
}
