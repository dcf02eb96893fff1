// Package doctor looks at this machine and says what keeps latchkey from being
// asked, or lets a mail server ask somebody else: sockets and who may use them, the
// key file, the disk and the clock, and the configuration of Dovecot and Postfix as
// their own tools print it.
//
// A door is a service that takes passwords from mail programs: each of Dovecot's
// login services, and each of Postfix's smtpd with SASL. A door that does not ask
// latchkey is [Open]: a main password may open it whatever latchkey thinks. It is
// judged by what the servers' configuration says, not by a try, so what a server
// has not been restarted for is not seen. Where it cannot be told whom a door asks,
// it counts as open.
//
// Nothing is changed, and no setting but those that are judged is shown: the
// others may hold passwords.
package doctor

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// Level says how bad a finding is.
type Level string

// The levels. Only Open is one that a main password passes.
const (
	Good    Level = "good"
	Note    Level = "note"    // neither good nor bad
	Warning Level = "warning" // something will not work, or is not as it should be
	Open    Level = "open"    // a door asks somebody else
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level    `json:"level"`
	Text  string   `json:"text"`
	Fix   []string `json:"fix,omitempty"` // lines: what to change, and where
}

// Report is what was found about one part of the machine.
type Report struct {
	Part     string    `json:"part"` // "Dovecot 2.3.19.1 (/etc/dovecot/dovecot.conf)"
	Findings []Finding `json:"findings"`
}

func (r *Report) add(l Level, text string, fix ...string) {
	r.Findings = append(r.Findings, Finding{l, printable(text), fix})
}

// Count is how many findings of a level there are.
func Count(reports []Report, l Level) int {
	n := 0
	for _, r := range reports {
		for _, f := range r.Findings {
			if f.Level == l {
				n++
			}
		}
	}
	return n
}

// Socket is one of latchkey's, or of systemd's for it.
type Socket struct {
	Kind  config.Kind `json:"kind"`
	Place string      `json:"place"` // a path, or an address and port
}

// Machine is what is looked at.
type Machine struct {
	Sockets []Socket
	Running bool // the daemon answers: Sockets are all that it has

	// Binding are the mechanisms that latchkey offers on sockets of kind "login" and
	// that bind to the TLS channel: SCRAM-SHA-256-PLUS, or none.
	Binding []string

	DovecotConfig string // file for doveconf -c; "": its own default
	PostfixConfig string // folder for postconf -c; "": its own default

	// Connects says whether a user may connect to a socket. Nil: the function
	// Connects.
	Connects func(user, path, root string) error

	// Run runs a program of a mail server and returns what it prints on standard
	// output; ErrAbsent if there is no such program. Nil: RunProgram.
	Run func(ctx context.Context, program string, args ...string) ([]byte, error)
}

func (m *Machine) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	if m.Run != nil {
		return m.Run(ctx, program, args...)
	}
	return RunProgram(ctx, program, args...)
}

// has says whether one of latchkey's sockets of these kinds is at a place. Paths
// are compared as they are written and as they resolve.
func (m *Machine) has(place string, kinds ...config.Kind) bool {
	for _, s := range m.Sockets {
		if slices.Contains(kinds, s.Kind) && (s.Place == place || resolved(s.Place) == resolved(place)) {
			return true
		}
	}
	return false
}

// resolved follows symbolic links, as far as the path exists.
func resolved(path string) string {
	if !strings.HasPrefix(path, "/") {
		return path
	}
	for dir, rest := filepath.Clean(path), ""; ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if dir == filepath.Dir(dir) {
			return filepath.Clean(path)
		}
	}
}

// below finds one of latchkey's sockets in a folder, as it is called from there.
func (m *Machine) below(folder string, kinds ...config.Kind) (string, bool) {
	for _, s := range m.Sockets {
		if rest, in := strings.CutPrefix(s.Place, strings.TrimSuffix(folder, "/")+"/"); in && slices.Contains(kinds, s.Kind) {
			return rest, true
		}
	}
	return "", false
}

// printable keeps what a mail server's configuration says to one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, s)
}
