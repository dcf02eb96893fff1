package admin

import (
	"io"
	"net/http"
	"sync"
)

// InProcess is a transport that runs a handler of New in this process, on
// behalf of who.
func InProcess(h http.Handler, who Identity) http.RoundTripper { return inProcess{h, who} }

type inProcess struct {
	handler http.Handler
	who     Identity
}

// RoundTrip runs the handler beside the caller and returns with the beginning of
// its answer, which may be a whole database. Closing the answer's body waits for
// the handler's end.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	from, to := io.Pipe()
	answer := &pipeWriter{header: make(http.Header), status: http.StatusOK, body: to, begun: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer r.Body.Close()
		t.handler.ServeHTTP(answer, r.WithContext(withIdentity(r.Context(), t.who)))
		answer.begin()
		_ = to.Close()
	}()
	<-answer.begun
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: &pipeBody{from, ended}, ContentLength: -1, Request: r,
	}, nil
}

// pipeWriter hands an answer on as it is written.
type pipeWriter struct {
	header http.Header
	status int
	body   *io.PipeWriter
	begun  chan struct{} // closed when header and status are final
	once   sync.Once
}

func (a *pipeWriter) begin() { a.once.Do(func() { close(a.begun) }) }

func (a *pipeWriter) Header() http.Header { return a.header }

func (a *pipeWriter) WriteHeader(status int) {
	a.status = status
	a.begin()
}

func (a *pipeWriter) Write(b []byte) (int, error) {
	a.begin()
	return a.body.Write(b)
}

// pipeBody is the other end.
type pipeBody struct {
	*io.PipeReader
	ended chan struct{}
}

// Close makes the handler's next Write fail and waits until it has returned.
func (b *pipeBody) Close() error {
	err := b.PipeReader.Close()
	<-b.ended
	return err
}
