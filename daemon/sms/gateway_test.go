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
	failed(t, err, ErrNoAnswer)
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
				cancel()
				<-r.Context().Done()
			}
			err := telling(t, gateway.URL).Send(ctx, message())
			failed(t, err, ErrNoAnswer)
			failed(t, err, context.Canceled)
		})
	}
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	failed(t, telling(t, newStandIn(t).URL).Send(ctx, message()), context.DeadlineExceeded)
}

func TestUntrustedCertificate(t *testing.T) {
	asked := false
	gateway := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	gateway.Config.ErrorLog = discard
	gateway.StartTLS()
	defer gateway.Close()
	err := telling(t, gateway.URL).Send(context.Background(), message())
	failed(t, err, ErrNoAnswer)
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
