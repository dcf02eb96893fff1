package dovecot

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	// serverMinor is the version of Dovecot 2.3. At 2 no client expects CANCELLED
	// or channel binding; 2.4's logins announce 4 themselves and are answered so.
	serverMinor = 2
	// maxHandshake is what Radicale takes with its one recv.
	maxHandshake = 1024
)

// ErrMechanisms is wrapped by what Serve returns if the mechanisms cannot be offered.
var ErrMechanisms = errors.New("dovecot: mechanisms cannot be offered")

// clientHandshake is all that a server says to a new client, in one piece.
func clientHandshake(mechs []Mechanism, spid, cuid uint32, cookie [16]byte) ([]byte, error) {
	if len(mechs) == 0 {
		// Postfix's smtpd exits without one, Dovecot's logins insist on one.
		return nil, fmt.Errorf("%w: there are none", ErrMechanisms)
	}
	b := make([]byte, 0, maxHandshake)
	b = append(b, "VERSION\t1\t"...)
	b = appendUint(b, serverMinor)
	for _, m := range mechs {
		if err := checkMechanism(m); err != nil {
			return nil, err
		}
		b = append(b, "\nMECH\t"...)
		b = append(b, m.Name...)
		for _, flag := range m.Flags {
			b = append(b, '\t')
			b = append(b, flag...)
		}
	}
	b = append(b, "\nSPID\t"...)
	b = appendUint(b, spid)
	b = append(b, "\nCUID\t"...)
	b = appendUint(b, cuid)
	b = append(b, "\nCOOKIE\t"...)
	b = hex.AppendEncode(b, cookie[:])
	b = append(b, "\nDONE\n"...)
	if len(b) >= maxHandshake {
		return nil, fmt.Errorf("%w: the handshake takes %d bytes, at most %d will do", ErrMechanisms, len(b), maxHandshake-1)
	}
	return b, nil
}

// checkMechanism wants an RFC 4422 section 3.1 name, upper-case, and flags that cannot break the line.
func checkMechanism(m Mechanism) error {
	if m.Name == "" || len(m.Name) > 20 || strings.Trim(m.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return fmt.Errorf("%w: bad name %q", ErrMechanisms, m.Name)
	}
	if strings.HasSuffix(m.Name, "-PLUS") {
		// Postfix would offer it to everybody, and it cannot work there.
		return fmt.Errorf("%w: %s needs channel binding", ErrMechanisms, m.Name)
	}
	for _, flag := range m.Flags {
		if flag == "" || strings.Trim(flag, "abcdefghijklmnopqrstuvwxyz-") != "" {
			return fmt.Errorf("%w: %s has a bad flag %q", ErrMechanisms, m.Name, flag)
		}
	}
	return nil
}

func masterHandshake(spid uint32) []byte {
	b := append([]byte(nil), "VERSION\t1\t"...)
	b = appendUint(b, serverMinor)
	b = append(b, "\nSPID\t"...)
	b = appendUint(b, spid)
	return append(b, '\n')
}

// parseVersion reads what follows "VERSION\t" and returns the minor version.
func parseVersion(args []byte) (uint32, error) {
	major, rest, _ := cut(args)
	field, _, _ := cut(rest)
	minor, ok := parseUint32(field)
	if string(major) != "1" || !ok {
		return 0, errNoVersion
	}
	return minor, nil
}
