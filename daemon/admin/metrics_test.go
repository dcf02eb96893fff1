package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestMetrics: everybody who may ask anything reads the page, and nobody else.
func TestMetrics(t *testing.T) {
	d := newDoor(t)
	read := func(uid uint32, method string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequestWithContext(context.WithValue(t.Context(), peerKey, peer{uid}), method, pathMetrics, nil))
		return w
	}
	if w := read(0, http.MethodGet); w.Code != http.StatusNotFound {
		t.Errorf("without a daemon: %d %s", w.Code, w.Body)
	}
	if _, err := d.client(0).Metrics(t.Context()); kindOf(err) != KindNoRoute {
		t.Errorf("without a daemon: %v", err)
	}
	d.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "latchkey_up 1\n") })
	for uid, want := range map[uint32]int{0: http.StatusOK, daemonUID: http.StatusOK, helper: http.StatusOK, stranger: http.StatusForbidden} {
		if w := read(uid, http.MethodGet); w.Code != want {
			t.Errorf("uid %d: %d %s", uid, w.Code, w.Body)
		}
	}
	if w := read(0, http.MethodPost); w.Code != http.StatusNotFound {
		t.Errorf("POST: %d %s", w.Code, w.Body)
	}
	if text, err := d.client(0).Metrics(t.Context()); err != nil || text != "latchkey_up 1\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// kindOf is the kind of the handler's failure, "" if err is none of its.
func kindOf(err error) Kind {
	var told *Error
	if errors.As(err, &told) {
		return told.Kind
	}
	return ""
}
