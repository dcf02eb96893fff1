package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// answerFor is how long a socket may take to greet.
const answerFor = 3 * time.Second

// CheckSockets knocks at each socket of the daemon, if it runs. Where it does not
// run nobody knocks: systemd would start it. Exim's user is looked at here; who may
// come of Dovecot and Postfix is part of their reports.
func (m *Machine) CheckSockets(ctx context.Context) Report {
	r := Report{Part: "Sockets"}
	for _, s := range m.Sockets {
		what := fmt.Sprintf("%s (%s)", s.Place, s.Kind)
		if !m.Running {
			r.add(Note, what+": not asked, as the daemon does not run")
		} else if err := knock(ctx, s); err != nil {
			r.add(Warning, what+": does not answer: "+err.Error())
		} else {
			r.add(Good, what+" answers")
		}
		if strings.Contains(s.Place, "exim") {
			m.access(&r, s.Place, "Debian-exim", "/")
		}
	}
	return r
}

// knock connects and, where that is no question about anybody, waits for the
// greeting.
func knock(ctx context.Context, s Socket) error {
	network := "tcp"
	if strings.HasPrefix(s.Place, "/") {
		network = "unix"
	}
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, s.Place)
	if err != nil {
		return err
	}
	defer c.Close() // closing what was closed already is harmless
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	switch s.Kind {
	case config.KindClient, config.KindLogin:
		_, err = dovecot.NewClient(c, dovecot.ClientOptions{Minor: 2})
	case config.KindMaster, config.KindUserdb:
		_, err = dovecot.NewMasterClient(c)
	}
	return err
}

// access warns if a user may not connect to a socket of ours, beginning at root. A
// user that does not exist belongs to a server that is not here.
func (m *Machine) access(r *Report, place, user, root string) {
	if !strings.HasPrefix(place, "/") {
		return
	}
	connects := m.Connects
	if connects == nil {
		connects = Connects
	}
	switch err := connects(user, place, root); {
	case err == nil:
	case errors.Is(err, errNoSocket) && !m.Running: // the daemon or systemd will make it
	default:
		r.add(Warning, fmt.Sprintf("%s cannot be asked by the user %s: %v", place, user, err))
	}
}
