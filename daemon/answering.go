package daemon

import (
	"net/http"
	"sync"
)

// answering is a handler that knows when it has answered everything. An HTTP server
// that is closed leaves handlers behind whose connection is gone; the store must not
// be closed under them, for they may have something to give back.
type answering struct {
	http.Handler

	mu   sync.Mutex // guards what follows
	over bool
	now  sync.WaitGroup // added to under mu only, and not once over is set
}

// ServeHTTP answers, or, once the handler is over, says so.
func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.enter() {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	defer a.now.Done()
	a.Handler.ServeHTTP(w, r)
}

func (a *answering) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	a.now.Add(1)
	return true
}

// end takes no further requests, and waits for those that are being answered.
func (a *answering) end() {
	a.mu.Lock()
	a.over = true
	a.mu.Unlock()
	a.now.Wait()
}
