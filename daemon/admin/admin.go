// Package admin is the administrators' door: one http.Handler that speaks JSON
// and does nothing itself but ask who is there and call package accounts.
//
// Every question is a POST to /v1/ and a name ("/v1/account/show") with one
// JSON object as its body, and is answered by one object. A failure is an
// object too: "error" is a sentence for a person, "hint" what to do about it
// and "kind" a word for a program (see Error).
//
//	curl --unix-socket /run/latchkey/admin -d '{"address":"alice@example.org"}' http://latchkey/v1/account/show
//
// The handler is served on a unix socket (NewServer), where the kernel says who
// asks, or run inside a command when no daemon runs (InProcess). Root and the
// daemon's own user may ask everything; the members of [admin] group, the
// helpdesk, may look, help who has lost a phone, and end what a thief may hold
// (routes.go has the table); everybody else is refused.
//
// Beside the questions stands one page, GET /metrics, for monitoring. One answer
// is more than an object: that of /v1/backup, which ends with the copy (backupLine).
package admin

import (
	"log/slog"
	"net/http"
	"os"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/policy"
)

// Handler is the door. Make it with New, and set the other fields before the first request.
type Handler struct {
	// Metrics answers GET /metrics. Nil: nothing counts here, as in a command.
	Metrics http.Handler
	// Safe makes backups and exports the key. Nil: nobody does.
	Safe Safe

	// Policy is what explain asks. Nil: it answers that nobody can be asked.
	Policy *policy.Policy

	// Sockets are those that the daemon listens on for mail servers. Nil: none.
	Sockets func() []Socket

	// Offline says that no daemon runs: walks over all accounts need not rest.
	Offline bool

	accounts  *accounts.Service
	uid       uint32 // of the daemon: this user may do everything
	directory directory
	log       *slog.Logger
	mux       *http.ServeMux
}

var _ http.Handler = (*Handler)(nil)

// New makes the handler. It answers 403 to a request of which it cannot tell who
// asks: see NewServer and InProcess. The daemon's user is the one that this
// process runs as now.
func New(s *accounts.Service, log *slog.Logger) *Handler {
	h := &Handler{accounts: s, uid: uint32(os.Geteuid()), directory: system{}, log: log, mux: http.NewServeMux()}
	h.routes()
	return h
}

// ServeHTTP asks who is there before anything else.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, err := h.identify(r.Context())
	if err != nil {
		h.log.Warn("admin: cannot tell who asks", "error", err)
	}
	if who.Role == Stranger {
		h.log.Info("admin: refused", "actor", who.Actor, "path", brief(r.URL.Path))
		writeError(w, refused("this needs root or the daemon's user"))
		return
	}
	h.mux.ServeHTTP(w, r.WithContext(withIdentity(r.Context(), who)))
}
