package dovecot

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// AuthRequest is the AUTH line to send. Zero fields are left out.
type AuthRequest struct {
	Mechanism             string
	Service               string // needed
	Secured, TLS          bool   // TLS without Secured is not sent
	LocalIP, RemoteIP     netip.Addr
	LocalPort, RemotePort uint16
	Session, ClientID     string
	LocalName             string
	NoPenalty             bool
	FinalRespOK           bool
	ValidClientCert       bool
	// Initial is the initial response: nil for none, empty but not nil for an empty one.
	Initial []byte
	// ChannelBinding is asked by Authenticate for the channel binding data of a
	// kind such as "tls-exporter" when the server wants it; not sent itself.
	ChannelBinding func(kind string) ([]byte, error)
}

// ReplyKind says what a server's line is.
type ReplyKind uint8

// The kinds of replies.
const (
	Refused    ReplyKind = iota // FAIL: ends the exchange
	Accepted                    // OK: ends the exchange
	Challenged                  // CONT: answer with Continue
	Cancelled                   // CANCELLED: ends the exchange
)

// Reply is one line of the server.
type Reply struct {
	Kind      ReplyKind
	OK        bool // Kind == Accepted
	ID        uint32
	User      string  // user=
	Reason    string  // reason=
	Code      string  // code=
	Fields    []Field // all other parameters
	Final     []byte  // resp=, nil if there was none
	Challenge []byte  // the data of a Challenged, never nil there, nil elsewhere
	Binding   string  // of a Challenged: the kind of channel binding to answer with ContinueBinding, if not empty
	OutOfBand bool    // of a Challenged: there is no data, only Binding is wanted
}

// appendAuth appends an AUTH line. With an error dst is returned as it was.
func appendAuth(dst []byte, id uint32, a *AuthRequest) ([]byte, error) {
	start := len(dst)
	if a.Service == "" || a.Mechanism == "" || strings.ContainsAny(a.Mechanism, "\t\r\n\x00") {
		return dst, fmt.Errorf("%w: it needs a mechanism and a service", ErrRequest)
	}
	dst = append(dst, "AUTH\t"...)
	dst = appendUint(dst, id)
	dst = append(dst, '\t')
	dst = append(dst, a.Mechanism...)
	dst = appendText(dst, "service", a.Service)
	dst = appendWord(dst, "final-resp-ok", a.FinalRespOK)
	dst = appendWord(dst, "secured", a.Secured)
	if a.Secured && a.TLS {
		dst = append(dst, "=tls"...)
	}
	dst = appendWord(dst, "no-penalty", a.NoPenalty)
	dst = appendWord(dst, "valid-client-cert", a.ValidClientCert)
	dst = appendText(dst, "session", a.Session)
	dst = appendAddr(dst, "lip", a.LocalIP)
	dst = appendAddr(dst, "rip", a.RemoteIP)
	dst = appendPort(dst, "lport", a.LocalPort)
	dst = appendPort(dst, "rport", a.RemotePort)
	dst = appendText(dst, "local_name", a.LocalName)
	dst = appendText(dst, "client_id", a.ClientID)
	if a.Initial != nil {
		dst = append(dst, "\tresp="...)
		if len(a.Initial) == 0 {
			dst = append(dst, '=') // means "empty" to every version; a bare resp= does not
		}
		dst = base64.StdEncoding.AppendEncode(dst, a.Initial)
	}
	dst = append(dst, '\n')
	if len(dst)-start > maxClientLine {
		return dst[:start], fmt.Errorf("%w: line too long", ErrRequest)
	}
	return dst, nil
}

func appendText(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, '\t')
	dst = append(dst, key...)
	dst = append(dst, '=')
	return appendEscaped(dst, value)
}

func appendWord(dst []byte, word string, on bool) []byte {
	if !on {
		return dst
	}
	dst = append(dst, '\t')
	return append(dst, word...)
}

func appendAddr(dst []byte, key string, addr netip.Addr) []byte {
	if !addr.IsValid() {
		return dst
	}
	dst = append(dst, '\t')
	dst = append(dst, key...)
	dst = append(dst, '=')
	return addr.WithZone("").AppendTo(dst)
}

func appendPort(dst []byte, key string, port uint16) []byte {
	if port == 0 {
		return dst
	}
	dst = append(dst, '\t')
	dst = append(dst, key...)
	dst = append(dst, '=')
	return appendUint(dst, uint32(port))
}

// parse reads one line of the server after the handshake.
func (r *Reply) parse(line []byte) error {
	command, args, _ := cut(line)
	id, rest, more, err := parseID(args)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrProtocol, commandWord(command), err)
	}
	r.ID, r.Challenge, r.Final = id, r.Challenge[:0], r.Final[:0]
	switch string(command) {
	case "OK":
		r.Kind = Accepted
	case "FAIL":
		r.Kind = Refused
	case "CONT":
		r.Kind = Challenged
	case "CANCELLED":
		r.Kind = Cancelled
	default:
		return fmt.Errorf("%w: %s: %w", ErrProtocol, commandWord(command), errCommand)
	}
	r.OK, r.OutOfBand = r.Kind == Accepted, false
	var kind []byte
	if r.Kind == Challenged {
		kind, err = r.parseChallenge(rest)
		more = false
	} else {
		r.Challenge = nil
	}
	setText(&r.Binding, kind)
	if perr := r.parseParams(rest, more); err == nil {
		err = perr
	}
	return err
}

// parseChallenge reads what follows "CONT\t<id>\t" and returns the kind of channel
// binding that is asked for (auth_client_request_handle_input).
func (r *Reply) parseChallenge(rest []byte) (kind []byte, err error) {
	data, rest, more := cut(rest)
	if r.OutOfBand = string(data) == outOfBand; r.OutOfBand {
		data = nil
	}
	if r.Challenge, err = decodeInto(r.Challenge, data); err != nil {
		return nil, err
	}
	for more && kind == nil {
		var field []byte
		field, rest, more = cut(rest)
		if value, ok := bytes.CutPrefix(field, []byte("channel_binding=")); ok {
			kind = value
		}
	}
	return kind, nil
}

// appendBound appends the client's CONT line with channel binding data.
func appendBound(dst []byte, id uint32, response, binding []byte) []byte {
	dst = appendBeforeBinding(dst, id, response)
	dst = base64.StdEncoding.AppendEncode(dst, binding)
	return append(dst, '\n')
}

// parseParams reads the parameters of OK and FAIL. Strings and slots of the reply
// before are used again: a load generator reads the same few over and over.
func (r *Reply) parseParams(rest []byte, more bool) error {
	var user, reason, code []byte
	var err error
	hasFinal, n := false, 0
	for more {
		var field []byte
		field, rest, more = cut(rest)
		key, value, _ := bytes.Cut(field, []byte("="))
		switch string(key) {
		case "user":
			user = value
		case "reason":
			reason = value
		case "code":
			code = value
		case "resp":
			hasFinal = true
			r.Final, err = decodeInto(r.Final, value)
		case "":
		default:
			if n == cap(r.Fields) {
				r.Fields = append(r.Fields[:n], Field{})
			}
			r.Fields = r.Fields[:n+1]
			setText(&r.Fields[n].Key, key)
			setText(&r.Fields[n].Value, value)
			n++
		}
	}
	r.Fields = r.Fields[:n]
	setText(&r.User, user)
	setText(&r.Reason, reason)
	setText(&r.Code, code)
	if !hasFinal {
		r.Final = nil
	}
	return err
}

// setText sets *s to the unescaped value, without an allocation if it is that already.
func setText(s *string, value []byte) {
	if bytes.IndexByte(value, escapeByte) >= 0 {
		value = appendUnescaped(nil, value)
	}
	if *s != string(value) {
		*s = string(value)
	}
}

// decodeInto decodes base64 into dst, which it returns not nil.
func decodeInto(dst, value []byte) ([]byte, error) {
	dst, err := base64.StdEncoding.AppendDecode(dst, value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, errBase64)
	}
	if dst == nil {
		dst = []byte{}
	}
	return dst, nil
}

// maxHandshakeLines bounds what a client reads before DONE.
const maxHandshakeLines = 256

// readHandshake reads the server's part up to DONE. Unknown keywords are ignored.
func (c *Client) readHandshake() error {
	for range maxHandshakeLines {
		line, err := readLine(c.in)
		if err != nil {
			return err
		}
		command, args, _ := cut(line)
		ok := true
		switch string(command) {
		case "VERSION":
			c.Minor, err = parseVersion(args)
			ok = err == nil
		case "MECH":
			words := strings.Split(string(args), "\t")
			c.Mechanisms = append(c.Mechanisms, Mechanism{Name: words[0], Flags: words[1:], ChannelBinding: slices.Contains(words[1:], bindingFlag)})
		case "SPID":
			c.SPID, ok = parseUint32(args)
		case "CUID":
			c.CUID, ok = parseUint32(args)
		case "COOKIE":
			c.Cookie = string(args)
		case "DONE":
			if len(c.Mechanisms) == 0 {
				return fmt.Errorf("%w: no mechanism before DONE", ErrProtocol)
			}
			return nil
		}
		if !ok {
			return fmt.Errorf("%w: bad %s", ErrProtocol, commandWord(command))
		}
	}
	return fmt.Errorf("%w: no DONE", ErrProtocol)
}
