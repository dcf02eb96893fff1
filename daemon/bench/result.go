package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Result is what a load has shown. Durations are nanoseconds in JSON.
type Result struct {
	Socket      string        `json:"socket"` // or address
	Connections int           `json:"connections"`
	InFlight    int           `json:"inflight"`
	Service     string        `json:"service"`
	Mechanism   string        `json:"mechanism"`
	Accounts    int           `json:"accounts"`
	Elapsed     time.Duration `json:"elapsed_ns"` // to the last answer

	LoginsPerSecond float64 `json:"logins_per_second"` // answered, whatever the answer
	Accepted        uint64  `json:"accepted"`
	Rejected        uint64  `json:"rejected"`   // FAIL
	Undecided       uint64  `json:"undecided"`  // FAIL with code=temp_fail
	Unanswered      uint64  `json:"unanswered"` // not even when the time to wait was over

	// Age of the answers, counted from the AUTH line, or from the connection that is made for one login.
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// total adds the connections up.
func total(o *Options, conns []*tally, start time.Time) *Result {
	r := &Result{
		Socket: o.Socket + o.Address, Connections: o.Connections, InFlight: o.InFlight,
		Service: o.Service, Mechanism: o.Mechanism, Accounts: len(o.Accounts),
	}
	var latency histogram
	for _, c := range conns {
		r.Accepted += c.accepted
		r.Rejected += c.rejected
		r.Undecided += c.undecided
		r.Unanswered += uint64(c.unanswered)
		r.Elapsed = max(r.Elapsed, c.ended.Sub(start))
		latency.merge(&c.latency)
	}
	if r.Elapsed > 0 {
		r.LoginsPerSecond = float64(r.Answered()) / r.Elapsed.Seconds()
	}
	r.P50, r.P99, r.P999, r.Max = latency.quantile(0.5), latency.quantile(0.99), latency.quantile(0.999), latency.max
	return r
}

// Answered is the number of logins that got an answer, whatever it was.
func (r *Result) Answered() uint64 { return r.Accepted + r.Rejected + r.Undecided }

// WriteText prints the result as a table for people.
func (r *Result) WriteText(w io.Writer) error {
	t := &table{w: w}
	t.row("socket", "%s", r.Socket)
	t.row("load", "%d × %d in flight, %s, service %s, %s", r.Connections, r.InFlight, r.Mechanism, r.Service, plural(r.Accounts, "account"))
	t.row("time", "%v", r.Elapsed.Round(10*time.Millisecond))
	t.row("", "")
	t.row("logins/s", "%12s", grouped(uint64(r.LoginsPerSecond)))
	t.row("accepted", "%12s%s", grouped(r.Accepted), r.share(r.Accepted))
	t.row("rejected", "%12s%s", grouped(r.Rejected), r.share(r.Rejected))
	t.row("undecided", "%12s%s", grouped(r.Undecided), r.share(r.Undecided))
	if r.Unanswered > 0 {
		t.row("unanswered", "%12s", grouped(r.Unanswered))
	}
	t.row("", "")
	t.row("p50", "%s", milliseconds(r.P50))
	t.row("p99", "%s", milliseconds(r.P99))
	t.row("p99.9", "%s", milliseconds(r.P999))
	t.row("slowest", "%s", milliseconds(r.Max))
	return t.err
}

// table prints rows of a name and a value until one fails.
type table struct {
	w   io.Writer
	err error
}

func (t *table) row(name, format string, args ...any) {
	if t.err != nil {
		return
	}
	line := fmt.Sprintf("%-12s", name) + fmt.Sprintf(format, args...)
	_, t.err = fmt.Fprintln(t.w, strings.TrimRight(line, " "))
}

// share is n's part of the answers; nothing of nothing is left blank.
func (r *Result) share(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("   %5.1f %%", 100*float64(n)/float64(r.Answered()))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%12.3f ms", float64(d)/float64(time.Millisecond))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(uint64(n)) + " " + what + "s"
}

// grouped prints a number with commas between thousands.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
