package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// answerFor is how long a socket may take to greet.
const answerFor = 3 * time.Second

// CheckSockets knocks at each socket of the daemon, if it runs, and works out
// whether the mail servers' users may come there. Where it does not run nobody
// knocks: systemd would start it.
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
		if strings.HasPrefix(s.Place, "/") {
			m.access(&r, s)
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

// users are who has to come to a socket, and from inside which folder.
func users(s Socket) (names []string, root string) {
	switch {
	case s.Kind == config.KindMaster:
		return nil, "" // Dovecot's mailbox processes ask as root
	case s.Kind == config.KindUserdb:
		return []string{"dovecot"}, "/" // lmtp asks as root
	case strings.Contains(s.Place, "/spool/postfix/"):
		before, _, _ := strings.Cut(s.Place, "/spool/postfix/")
		return []string{"postfix"}, before + "/spool/postfix"
	case strings.Contains(s.Place, "/dovecot/login/"):
		before, _, _ := strings.Cut(s.Place, "/dovecot/login/")
		return []string{"dovenull"}, before + "/dovecot/login"
	case strings.Contains(filepath.Base(s.Place), "exim") || strings.Contains(s.Place, "/exim4/"):
		return []string{"Debian-exim"}, "/"
	}
	return nil, ""
}

// access judges whether those who need a socket may connect to it.
func (m *Machine) access(r *Report, s Socket) {
	names, root := users(s)
	for _, name := range names {
		p, exists := findPeer(name)
		if !exists {
			continue // that server is not here
		}
		switch err := p.connects(s.Place, root); {
		case err == nil:
			r.add(Good, fmt.Sprintf("%s: the user %s may connect", s.Place, name))
		case errors.Is(err, errNoSocket) && !m.Running:
		default:
			r.add(Warning, s.Place+": "+err.Error())
		}
	}
}
