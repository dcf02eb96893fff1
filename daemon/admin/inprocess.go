package admin

import (
	"bytes"
	"io"
	"net/http"
)

// InProcess is a transport that runs a handler of New in this process, on
// behalf of who.
func InProcess(h http.Handler, who Identity) http.RoundTripper { return inProcess{h, who} }

type inProcess struct {
	handler http.Handler
	who     Identity
}

// RoundTrip runs the handler to its end.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	answer := &recorder{header: make(http.Header), status: http.StatusOK}
	t.handler.ServeHTTP(answer, r.WithContext(withIdentity(r.Context(), t.who)))
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: io.NopCloser(&answer.body), ContentLength: int64(answer.body.Len()), Request: r,
	}, nil
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(b []byte) (int, error) { return a.body.Write(b) }
