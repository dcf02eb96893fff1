package bench

import "time"

// WebResult is what a load of requests has shown.
type WebResult struct {
	Elapsed   time.Duration   // to the last answer
	PerSecond float64         // answers with the status that was wanted
	All       Ages            // of those
	Named     map[string]Ages // of those, by name of the request
	Other     map[int]uint64  // the other answers, by status
}

// Ages say how old answers were when they came, counted from their requests.
type Ages struct {
	Count               uint64
	P50, P99, P999, Max time.Duration
}

// Others is the number of answers with another status.
func (r *WebResult) Others() uint64 {
	var n uint64
	for _, count := range r.Other {
		n += count
	}
	return n
}

// totalWeb adds the connections up.
func totalWeb(o *WebOptions, conns []*webConnection, from time.Time) *WebResult {
	r := &WebResult{Named: make(map[string]Ages), Other: make(map[int]uint64)}
	var all histogram
	for name, i := range namesOf(o.Requests) {
		var one histogram
		for _, c := range conns {
			one.merge(&c.latency[i])
		}
		r.Named[name] = agesOf(&one)
		all.merge(&one)
	}
	r.All = agesOf(&all)
	for _, c := range conns {
		r.Elapsed = max(r.Elapsed, c.ended.Sub(from))
		for status, n := range c.other {
			r.Other[status] += n
		}
	}
	if r.Elapsed > 0 {
		r.PerSecond = float64(r.All.Count) / r.Elapsed.Seconds()
	}
	return r
}

func agesOf(h *histogram) Ages {
	return Ages{Count: h.n, P50: h.quantile(0.5), P99: h.quantile(0.99), P999: h.quantile(0.999), Max: h.max}
}
