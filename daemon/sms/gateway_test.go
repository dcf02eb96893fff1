package sms

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const tellingQuery = `/send?to={{.To}}&code={{.Code}}&text={{.Text}}&key={{secret "key"}}`

func telling(t *testing.T, at string) Sender {
	t.Helper()
	return newHTTP(t, HTTPOptions{URL: at + tellingQuery, Secrets: map[string]string{"key": secretFile(t, testSecret)}})
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := "http://" + l.Addr().String()
	l.Close()
	err = telling(t, at).Send(context.Background(), message())
	failed(t, err, ErrUnreached)
	neverLeft(t, err)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("it does not say why: %v", err)
	}
}

// A gateway may hang before it answers, and in the middle of its answer.
func TestHangingGateway(t *testing.T) {
	for name, begin := range map[string]bool{"at once": false, "in the body": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			gateway := newStandIn(t)
			gateway.answer = func(w http.ResponseWriter, r *http.Request) {
				if begin {
					_, _ = io.WriteString(w, "o")
					w.(http.Flusher).Flush()
				}
				if !begin {
					cancel()
				}
				<-r.Context().Done()
			}
			s := telling(t, gateway.URL).(*httpSender)
			under := s.gateway.client.Transport
			s.gateway.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				answer, err := under.RoundTrip(r)
				cancel() // at the latest once the headers of the answer are there
				return answer, err
			})
			err := s.Send(ctx, message())
			failed(t, err, ErrNoAnswer)
			failed(t, err, context.Canceled)
		})
	}
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	err := telling(t, newStandIn(t).URL).Send(ctx, message())
	failed(t, err, context.DeadlineExceeded)
	neverLeft(t, err)
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// neverLeft wants an error that says that nothing was sent.
func neverLeft(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, ErrNoAnswer) {
		t.Errorf("the message may have left: %v", err)
	}
}

// A connection may hang before it is one: in the dialling, and in the handshake of
// TLS. Then nothing was sent, and nothing can be later, so that the next sender is
// asked and a chain in which nobody is reached has sent nothing.
func TestHangingConnection(t *testing.T) {
	for name, dial := range map[string]func(ctx context.Context, _, _ string) (net.Conn, error){
		"dialling": func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"handshake": func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, there) }() // takes the client's hello, and says nothing
			return here, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := telling(t, "https://192.0.2.1").(*httpSender)
				s.gateway.client.Transport.(*http.Transport).DialContext = dial
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := s.Send(ctx, message())
				failed(t, err, ErrUnreached)
				failed(t, err, context.DeadlineExceeded)
				neverLeft(t, err)

				begun := time.Now()
				err = NewChain(ChainOptions{Senders: []Named{{"one", s}, {"two", s}}}).Send(t.Context(), message())
				failed(t, err, ErrUnreached)
				neverLeft(t, err)
				if took := time.Since(begun); took != 2*defaultTimeout {
					t.Errorf("after %v", took)
				}
				if err := NewChain(ChainOptions{Senders: []Named{{"one", s}, {"two", senderFunc(sends)}}}).Send(t.Context(), message()); err != nil {
					t.Errorf("the next sender: %v", err)
				}
			})
		})
	}
}

// What is not TLS where TLS is expected got no request.
func TestNotTLS(t *testing.T) {
	gateway := newStandIn(t)
	err := telling(t, strings.Replace(gateway.URL, "http://", "https://", 1)).Send(context.Background(), message())
	failed(t, err, ErrUnreached)
	neverLeft(t, err)
	if gateway.asked != nil {
		t.Error("it was asked")
	}
}

// The name of a host that is not found leads nowhere.
func TestNoSuchHost(t *testing.T) {
	s := telling(t, "https://gateway.invalid").(*httpSender)
	s.gateway.client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "gateway.invalid", IsNotFound: true}}
	}
	err := s.Send(context.Background(), message())
	failed(t, err, ErrUnreached)
	neverLeft(t, err)
}

// A connection that ends right after it was made may have been the end of a message.
func TestClosedAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
	}()
	failed(t, telling(t, "http://"+l.Addr().String()).Send(context.Background(), message()), ErrNoAnswer)
}

func TestUntrustedCertificate(t *testing.T) {
	asked := false
	gateway := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	gateway.Config.ErrorLog = discard
	gateway.StartTLS()
	defer gateway.Close()
	err := telling(t, gateway.URL).Send(context.Background(), message())
	failed(t, err, ErrUnreached)
	neverLeft(t, err)
	if asked || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("asked %v, %v", asked, err)
	}
}

// Errors of net/http hold what the other side sent, and that can be what it was
// asked.
func TestNotHTTP(t *testing.T) {
	for _, form := range []string{
		"LINE\r\n\r\n", "HTTP/1.1 LINE\r\n\r\n", "HTTP/1.1 200 OK\r\nLINE\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: LINE\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: LINE\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nLINE\r\n", "",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxAnswerHeader) + "\r\n\r\n",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			line, _ := bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, strings.ReplaceAll(form, "LINE", strings.TrimSpace(line)))
		}()
		err = telling(t, "http://"+l.Addr().String()).Send(context.Background(), message())
		l.Close()
		if err == nil {
			t.Fatalf("%q is an answer", form)
		}
		failed(t, err, ErrNoAnswer)
	}
}

// The name localhost is looked up, and may have been given another address.
func TestOnlyLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.8.9.10:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"192.0.2.1:80": false, "[2001:db8::1]:80": false, "0.0.0.0:80": false, "[::]:80": false, "localhost:80": false, "": false,
	} {
		if got := onlyLoopback("tcp", address, nil) == nil; got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
	s := telling(t, "http://127.0.0.1:1").(*httpSender)
	if _, err := s.gateway.client.Transport.(*http.Transport).DialContext(context.Background(), "tcp", "192.0.2.1:80"); !errors.Is(err, errNotLoopback) {
		t.Errorf("another host can be dialled: %v", err)
	}
	if s.gateway.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is asked")
	}
}

func TestOnlyLetters(t *testing.T) {
	for code, want := range map[string]string{
		"isv.BUSINESS_LIMIT_CONTROL": "isv.BUSINESS_LIMIT_CONTROL", "LimitExceeded.PhoneNumber-Limit": "LimitExceeded.PhoneNumber-Limit",
		"": "no error code", "406193": "an error code of unknown form", "a b": "an error code of unknown form", "错误": "an error code of unknown form",
		strings.Repeat("a", 81): "an error code of unknown form", "a\nb": "an error code of unknown form",
	} {
		if got := onlyLetters(code); got != want {
			t.Errorf("%q: %q", code, got)
		}
	}
}
