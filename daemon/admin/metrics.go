package admin

import "net/http"

// metrics is for everybody who may ask anything: ServeHTTP has sent the others
// away.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) {
	if h.Metrics == nil {
		writeError(w, &Error{Status: http.StatusNotFound, Kind: KindNoRoute, Sentence: "nothing is counted here",
			Hint: "only a running daemon has metrics"})
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	h.Metrics.ServeHTTP(w, r)
}
