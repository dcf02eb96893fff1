package nginxauth

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
)

// noRecorder wants no event.
type noRecorder struct{ t *testing.T }

func (r noRecorder) Login(store.Event) { r.t.Error("a request was decided after the end") }

// TestNothingAfterWait: a request that was read as its connection was closed is
// not decided once nobody waits for it: the store is about to be closed.
func TestNothingAfterWait(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s := NewServer(New(t.Context(), new(policy.Policy), noRecorder{t}, Rules{FailureDelay: time.Millisecond}, log), log)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Wait()
	defer func() {
		if what := recover(); what != http.ErrAbortHandler {
			t.Errorf("ended by %v", what)
		}
	}()
	s.http.Handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/auth", nil))
}
