package nginxauth

import (
	"net/http"
	"strconv"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
)

// temporary must not read as "wrong password", after which mail programs throw a
// saved password away.
const temporary = "Temporary authentication failure."

// Whoever was refused may try again on the same connection: nginx keeps it only
// if it may hold the answer back for a second or more. It keeps the memory of each
// try as long, and wants an end after 10 to 20.
const (
	waitSeconds = 1
	maxAttempts = 10
)

// reply is an answer before it is written.
type reply struct {
	server *config.Upstream // nil: status is an error
	user   string           // that nginx logs in with at server
	status string           // of an error, as the person's program gets it
	code   string           // SMTP's, of an error
	again  bool             // the person may try once more on this connection
}

// answer is the one place where a verdict becomes an answer. All refusals carry
// the same sentence. The words around it are those of Dovecot's login processes
// (client-authenticate.c of imap-login, pop3-login and submission-login).
func answer(rules *Rules, q *request, v *policy.Verdict) reply {
	again := q.attempt > 0 && q.attempt < maxAttempts
	switch v.Outcome {
	case store.Accepted:
		if to := upstream(&rules.Upstreams, q.protocol); to != nil {
			return reply{server: to, user: v.Login.Address}
		}
	case store.Rejected:
		a := reply{code: "535 5.7.8", status: rules.Refusal, again: again}
		switch q.protocol {
		case "imap":
			a.status = "[ALERT] " + a.status // else few programs show it
		case "pop3":
			a.status = "[AUTH] " + a.status // RFC 3206
		}
		return a
	}
	a := reply{code: "454 4.7.0", status: temporary, again: again}
	switch q.protocol {
	case "imap":
		a.status = "[UNAVAILABLE] " + a.status // RFC 5530
	case "pop3":
		a.status = "[SYS/TEMP] " + a.status // RFC 3206
	}
	return a
}

func upstream(n *config.Nginx, protocol string) *config.Upstream {
	switch protocol {
	case "imap":
		return n.IMAP
	case "pop3":
		return n.POP3
	case "smtp":
		return n.SMTP
	}
	return nil
}

func (a *reply) write(w http.ResponseWriter) {
	h := w.Header()
	h["Date"] = nil // of 1,024 bytes
	if a.server != nil {
		h.Set("Auth-Status", "OK")
		h.Set("Auth-Server", a.server.Server.String())
		h.Set("Auth-Port", strconv.Itoa(a.server.Port))
		h.Set("Auth-User", a.user)
		return
	}
	h.Set("Auth-Status", a.status)
	h.Set("Auth-Error-Code", a.code)
	if a.again {
		h.Set("Auth-Wait", strconv.Itoa(waitSeconds))
	}
}
