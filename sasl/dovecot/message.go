package dovecot

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/netip"
	"strconv"
)

// What a peer can do wrong. The texts go to the log and hold nothing of the line.
var (
	errNoVersion    = errors.New("first line is not VERSION 1")
	errNoCPID       = errors.New("second line is not CPID with a number other than 0")
	errCommand      = errors.New("unknown command")
	errID           = errors.New("missing or bad request id")
	errDuplicateID  = errors.New("request id is still open")
	errMechanism    = errors.New("mechanism was not offered")
	errNoService    = errors.New("no service= or protocol=")
	errAfterResp    = errors.New("parameter after resp=")
	errNoData       = errors.New("CONT without data")
	errLineTooLong  = errors.New("line too long")
	errNUL          = errors.New("NUL in a line")
	errBrokenMaster = errors.New("malformed master request")
)

// errBase64 is no reason to disconnect: the request fails with InvalidBase64.
var errBase64 = errors.New("response is not base64")

// cut returns the first field of a line, the rest, and whether there was a TAB between them.
func cut(line []byte) ([]byte, []byte, bool) {
	if i := bytes.IndexByte(line, '\t'); i >= 0 {
		return line[:i], line[i+1:], true
	}
	return line, nil, false
}

// parseUint32 takes decimal digits only: no sign, no blanks.
func parseUint32(b []byte) (uint32, bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n <= 1<<32-1
}

// parseID reads the request id that begins every message after the handshake, and returns with it what cut does.
func parseID(args []byte) (uint32, []byte, bool, error) {
	field, rest, more := cut(args)
	id, ok := parseUint32(field)
	if !ok || id == 0 {
		return 0, nil, false, errID
	}
	return id, rest, more, nil
}

// parseAuth reads what follows "AUTH\t<id>\t" into a. Parameters it does not know
// are ignored, values it cannot read are left zero, as Dovecot does
// (auth_request_import_info). small is room for a short initial response.
func parseAuth(a *Auth, args []byte, minor uint32, mechs []Mechanism, small []byte) error {
	name, rest, more := cut(args)
	mech, ok := findMechanism(mechs, name)
	if !ok {
		return errMechanism
	}
	a.Mechanism = mech
	for more {
		var field []byte
		field, rest, more = cut(rest)
		key, value := field, field[len(field):]
		if i := bytes.IndexByte(field, '='); i >= 0 {
			key, value = field[:i], field[i+1:]
		}
		if string(key) == "resp" {
			if more {
				return errAfterResp
			}
			if a.Service == "" {
				return errNoService
			}
			var err error
			a.Initial, err = initialResponse(value, minor, small)
			return err
		}
		a.set(key, value)
	}
	if a.Service == "" {
		return errNoService
	}
	return nil
}

// set keeps one parameter of AUTH. The switch is the list of all that this package knows.
func (a *Auth) set(key, value []byte) {
	switch string(key) {
	case "service", "protocol":
		a.Service = service(value)
	case "secured":
		a.Secured = true
		a.TLS = string(value) == "tls"
	case "lip":
		a.LocalIP = parseAddr(value)
	case "rip":
		a.RemoteIP = parseAddr(value)
	case "lport":
		a.LocalPort = parsePort(value)
	case "rport":
		a.RemotePort = parsePort(value)
	case "real_lip":
		a.RealLocalIP = parseAddr(value)
	case "real_rip":
		a.RealRemoteIP = parseAddr(value)
	case "real_lport":
		a.RealLocalPort = parsePort(value)
	case "real_rport":
		a.RealRemotePort = parsePort(value)
	case "session":
		a.Session = text(value)
	case "client_id":
		a.ClientID = text(value)
	case "local_name":
		a.LocalName = text(value)
	case "no-penalty":
		a.NoPenalty = true
	case "final-resp-ok":
		a.FinalRespOK = true
	case "valid-client-cert":
		a.ValidClientCert = true
	}
}

// service spares the usual names an allocation.
func service(value []byte) string {
	switch string(value) {
	case "imap":
		return "imap"
	case "pop3":
		return "pop3"
	case "smtp":
		return "smtp"
	case "submission":
		return "submission"
	case "sieve":
		return "sieve"
	}
	return text(value)
}

// findMechanism compares without regard to ASCII case: Postfix passes on the spelling of the SMTP client.
func findMechanism(mechs []Mechanism, name []byte) (string, bool) {
	for i := range mechs {
		if equalFoldASCII(mechs[i].Name, name) {
			return mechs[i].Name, true
		}
	}
	return "", false
}

// equalFoldASCII wants upper in upper case.
func equalFoldASCII(upper string, b []byte) bool {
	if len(upper) != len(b) {
		return false
	}
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}

// initialResponse decodes the value of resp=. Empty means "none" to clients before
// minor version 2 (Exim always sends resp=) and "an empty one" since; "=" always
// means an empty one.
func initialResponse(value []byte, minor uint32, small []byte) ([]byte, error) {
	switch {
	case len(value) == 0 && minor < 2:
		return nil, nil
	case len(value) == 0, string(value) == "=":
		return []byte{}, nil
	}
	return decodeBase64(value, small)
}

// response decodes the data of CONT, never to nil; Prosody writes an empty one as "=".
func response(value []byte) ([]byte, error) {
	if len(value) == 0 || string(value) == "=" {
		return []byte{}, nil
	}
	return decodeBase64(value, []byte{})
}

// outOfBand stands where the data of CONT would, in a question that the client
// answers without its mail program, and in the answer.
const outOfBand = "#"

// parseCont reads what follows "CONT\t<id>\t": the response, nil if it is out of
// band, and the channel binding if that was asked for. Other parameters are
// ignored; before minor version 3 there are none, and a TAB is part of the data
// (auth_request_handler_auth_continue). Dovecot's logins up to 2.4.3 append the
// binding to whatever line the mail program sent, which could so smuggle in
// another before it: two of them are refused.
func parseCont(args []byte, minor uint32, wants wanted) (data, binding []byte, err error) {
	field, rest, more := cut(args)
	switch {
	case more && minor < minorBinding:
		return nil, nil, errBase64
	case wants != wantsBindingOnly:
		data, err = response(field)
	case string(field) != outOfBand:
		err = errBase64
	}
	for more && err == nil {
		field, rest, more = cut(rest)
		key, value, _ := bytes.Cut(field, []byte("="))
		switch {
		case string(key) != "channel_binding" || wants == wantsResponse:
		case binding != nil:
			err = errBase64
		default:
			binding, err = decodeBase64(value, []byte{})
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return data, binding, nil
}

// decodeBase64 decodes into small if that is large enough.
func decodeBase64(value, small []byte) ([]byte, error) {
	// encoding/base64 skips line ends; here they are as wrong as any other byte.
	if bytes.IndexByte(value, '\r') >= 0 {
		return nil, errBase64
	}
	dst := small
	if n := base64.StdEncoding.DecodedLen(len(value)); n > len(dst) {
		dst = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(dst, value)
	if err != nil {
		return nil, errBase64
	}
	return dst[:n:n], nil
}

func parsePort(b []byte) uint16 {
	n, ok := parseUint32(b)
	if !ok || n > 1<<16-1 {
		return 0
	}
	return uint16(n)
}

// parseAddr reads an address, the zero Addr if it is none. IPv4 is read by hand: netip would cost a string.
func parseAddr(b []byte) netip.Addr {
	if addr, ok := parseIPv4(b); ok {
		return addr
	}
	if len(b) == 0 || len(b) > 64 {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(string(b))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// parseIPv4 accepts what netip.ParseAddr accepts as IPv4: four numbers up to 255 without leading zeros.
func parseIPv4(b []byte) (netip.Addr, bool) {
	var addr [4]byte
	part, digits, n := 0, 0, 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] >= '0' && b[i] <= '9' {
			if digits > 0 && n == 0 {
				return netip.Addr{}, false
			}
			n = n*10 + int(b[i]-'0')
			if digits++; n > 255 {
				return netip.Addr{}, false
			}
			continue
		}
		if digits == 0 || part > 3 || i < len(b) && b[i] != '.' {
			return netip.Addr{}, false
		}
		addr[part] = byte(n)
		part, digits, n = part+1, 0, 0
	}
	return netip.AddrFrom4(addr), part == 4
}

func appendUint(dst []byte, n uint32) []byte { return strconv.AppendUint(dst, uint64(n), 10) }
