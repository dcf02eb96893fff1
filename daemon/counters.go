package daemon

import (
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/audit"
	"github.com/latchkey-mail/latchkey/daemon/metrics"
	"github.com/latchkey-mail/latchkey/store"
)

// counters are what the daemon counts, for monitoring: GET /metrics on the admin
// socket, and "latchkey metrics".
type counters struct {
	registry *metrics.Registry
	sent     *metrics.Counter // text messages, by sender
	failed   *metrics.Counter
	cut      *metrics.Counter // commands that end mail sessions
	signIns  *metrics.Counter // main passwords tried at the portal
}

func newCounters(recorder *audit.Recorder) *counters {
	r := metrics.NewRegistry()
	r.CounterFunc("latchkey_events_lost_total", "Login events dropped because their table was full.", "outcome",
		func() map[string]float64 {
			accepted, refused := recorder.Lost()
			return map[string]float64{"accepted": float64(accepted), "refused": float64(refused)}
		})
	return &counters{
		registry: r,
		sent:     r.Counter("latchkey_sms_sent_total", "Text messages that a sender took.", "sender"),
		failed:   r.Counter("latchkey_sms_failed_total", "Text messages that a sender did not take.", "sender"),
		cut:      r.Counter("latchkey_mail_sessions_cut_total", "Commands run to end mail sessions.", "result", "ok", "failed", "dropped"),
		signIns: r.Counter("latchkey_portal_sign_ins_total", "Main passwords tried at the portal.", "outcome",
			store.Accepted.String(), store.Rejected.String(), store.Undecided.String()),
	}
}

// ServeHTTP writes all of them.
func (c *counters) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", metrics.ContentType)
	_ = c.registry.WriteText(w) // who asked has gone
}

// signInRecorder counts the portal's sign-ins on their way to the record.
type signInRecorder struct {
	*audit.Recorder
	counters *counters
}

// Login records one verdict.
func (r signInRecorder) Login(ev store.Event) {
	r.counters.signIns.Add(ev.Outcome.String(), 1)
	r.Recorder.Login(ev)
}
