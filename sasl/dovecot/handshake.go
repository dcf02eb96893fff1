package dovecot

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// serverMinor is the version of Dovecot 2.3. At 2 no client expects CANCELLED
	// or channel binding; 2.4's logins announce their own and are answered so.
	serverMinor = 2
	// loginMinor is the version of Dovecot 2.4.4.
	loginMinor = 4
	// maxHandshake is what Radicale takes with its one recv.
	maxHandshake = 1024
)

// What clients know from which minor version on (auth-client-connection.h).
const (
	minorBinding   = 3 // channel_binding= on CONT, and mechanisms that use it
	minorCancelled = 4 // CANCELLED, and until it has come they keep what they cancelled
)

// bindingFlag marks a mechanism with channel binding, last of the words of its line (auth_sasl_mechs_handshake_init).
const bindingFlag = "channel-binding"

// ErrMechanisms is wrapped by what Serve returns if the mechanisms cannot be offered.
var ErrMechanisms = errors.New("dovecot: mechanisms cannot be offered")

// handshake is what a server says about itself to one client.
type handshake struct {
	mechs      []Mechanism // those with channel binding last
	spid, cuid uint32
	cookie     [16]byte
}

// appendTo appends all of the handshake that follows VERSION. MECH comes before
// SPID: Postfix and Exim take a SPID before a MECH for a master socket.
func (h *handshake) appendTo(dst []byte) []byte {
	for _, m := range h.mechs {
		dst = append(dst, "MECH\t"...)
		dst = append(dst, m.Name...)
		for _, flag := range m.Flags {
			dst = append(dst, '\t')
			dst = append(dst, flag...)
		}
		if m.ChannelBinding && !slices.Contains(m.Flags, bindingFlag) {
			dst = append(dst, "\t"+bindingFlag...)
		}
		dst = append(dst, '\n')
	}
	dst = append(dst, "SPID\t"...)
	dst = appendUint(dst, h.spid)
	dst = append(dst, "\nCUID\t"...)
	dst = appendUint(dst, h.cuid)
	dst = append(dst, "\nCOOKIE\t"...)
	dst = hex.AppendEncode(dst, h.cookie[:])
	return append(dst, "\nDONE\n"...)
}

// clientHello is what a server says at accept: on a KindClient listener all that
// it has to say, in one piece; on a KindLogin listener its version, because the
// client's decides about the rest.
func clientHello(k Kind, h handshake) ([]byte, error) {
	if k == KindLogin {
		return appendVersion(nil, loginMinor), nil
	}
	b := h.appendTo(appendVersion(make([]byte, 0, maxHandshake), serverMinor))
	if len(b) >= maxHandshake {
		return nil, fmt.Errorf("%w: the handshake takes %d bytes, at most %d will do", ErrMechanisms, len(b), maxHandshake-1)
	}
	return b, nil
}

// offered returns the mechanisms that a listener of that kind may tell of: those
// without channel binding and after them, for KindLogin, those with it.
func offered(all []Mechanism, k Kind) ([]Mechanism, error) {
	var plain, binding []Mechanism
	for _, m := range all {
		if err := checkMechanism(m); err != nil {
			return nil, err
		}
		if m.ChannelBinding {
			binding = append(binding, m)
		} else {
			plain = append(plain, m)
		}
	}
	if len(plain) == 0 {
		// Postfix's smtpd exits without one, Dovecot's logins insist on one.
		return nil, fmt.Errorf("%w: there are none without channel binding", ErrMechanisms)
	}
	if k == KindLogin {
		return append(plain, binding...), nil
	}
	return plain, nil
}

// unbound is what offered returned without the mechanisms that use channel binding.
func unbound(offered []Mechanism) []Mechanism {
	for n, m := range offered {
		if m.ChannelBinding {
			return offered[:n]
		}
	}
	return offered
}

// checkMechanism wants an RFC 4422 section 3.1 name, upper-case, and flags that cannot break the line.
func checkMechanism(m Mechanism) error {
	if m.Name == "" || len(m.Name) > 20 || strings.Trim(m.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return fmt.Errorf("%w: bad name %q", ErrMechanisms, m.Name)
	}
	if strings.HasSuffix(m.Name, "-PLUS") && !m.ChannelBinding {
		// Postfix would offer it to everybody, and it cannot work there.
		return fmt.Errorf("%w: %s needs channel binding", ErrMechanisms, m.Name)
	}
	for _, flag := range m.Flags {
		if flag == "" || flag == bindingFlag && !m.ChannelBinding || strings.Trim(flag, "abcdefghijklmnopqrstuvwxyz-") != "" {
			return fmt.Errorf("%w: %s has a bad flag %q", ErrMechanisms, m.Name, flag)
		}
	}
	return nil
}

func appendVersion(dst []byte, minor uint32) []byte {
	dst = append(dst, "VERSION\t1\t"...)
	dst = appendUint(dst, minor)
	return append(dst, '\n')
}

func masterHandshake(spid uint32) []byte {
	b := append(appendVersion(nil, serverMinor), "SPID\t"...)
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
